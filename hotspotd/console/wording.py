"""What the traveller's page says, in English: the source of all catalogues in ``words/``.

Verbs first, second person, present tense, no jargon. Never: error, failed, rejected, hit, alert, database. Each message
has a key of the form ``table.name``, which is its context in the catalogues: one English word can be two elsewhere.
``./scripts/words`` takes the messages, and the comments marked ``For translators:``, from this file.
"""

from __future__ import annotations

from typing import NamedTuple


class Message(NamedTuple):
    """One text. Words in braces are filled in; ``plural`` is there where ``{n}`` decides the form."""

    key: str
    text: str
    plural: str = ""


def say(key: str, text: str) -> Message:
    """A text without a number that would change its form."""
    return Message(key, text)


def count(key: str, one: str, other: str) -> Message:
    """A text whose form depends on the number ``{n}``."""
    return Message(key, one, other)


WORDING: tuple[Message, ...] = (
    # For translators: Whole sentences in large letters, one at a time. Polite, short. The document is a passport or an
    # identity card; the reader is a flat glass beside the screen.
    say("prompts.place_document", "Put your document on the reader"),
    say("prompts.document_again", "Put your document on the reader again"),
    say("prompts.leave_document", "Leave your document on the reader"),
    # For translators: The same again: what was wrong stands in the second line.
    say("prompts.chip_again", "Leave your document on the reader"),
    say("prompts.look_at_camera", "Look at the camera"),
    # For translators: From here to "Move to the middle" at most four words: read while looking into the mirror.
    say("prompts.come_closer", "Come a little closer"),
    say("prompts.step_back", "Step back a little"),
    say("prompts.one_person", "One person only"),
    say("prompts.more_light", "Turn towards the light"),
    say("prompts.less_light", "Avoid the bright light"),
    say("prompts.head_upright", "Hold your head upright"),
    say("prompts.open_eyes", "Open your eyes"),
    say("prompts.close_mouth", "Close your mouth"),
    say("prompts.hold_still", "Hold still"),
    say("prompts.turn_left", "Turn your head left"),
    say("prompts.turn_right", "Turn your head right"),
    say("prompts.look_ahead", "Look straight ahead"),
    say("prompts.move_to_middle", "Move to the middle"),
    # For translators: {finger} is one of the texts with the context fingers.
    say("prompts.place_finger", "Put {finger} on the glass"),
    # For translators: {fingers} is one of the texts with the context slaps, or several with the context fingers, joined
    # by the separators.
    say("prompts.place_fingers", "Put {fingers} on the glass"),
    say("prompts.press_harder", "Press a little harder"),
    say("prompts.press_lighter", "Press more lightly"),
    say("prompts.finger_to_middle", "Move the finger to the middle"),
    # For translators: Said to one finger, or to several.
    say("prompts.finger_still", "Hold still on the glass"),
    say("prompts.finger_again", "Put {finger} on the glass again"),
    say("prompts.fingers_again", "Put {fingers} on the glass again"),
    say("prompts.lift_finger", "Lift your finger"),
    say("prompts.lift_fingers", "Lift your fingers"),
    # For translators: Calm and neutral: shown at every crossing, whatever the result.
    say("prompts.wait", "Please wait"),
    say("prompts.thank_you", "Thank you. Please go on"),
    # For translators: Calm and neutral: must not suggest any reason. The officer is anybody who works at this border.
    say("prompts.officer_comes", "An officer will help you"),
    say("prompts.closed", "This lane is closed"),
    # For translators: A second line below the sentence, smaller.
    say("hints.place_document", "Open at the page with your picture, face down."),
    say("hints.document_again", "It could not be read. Lay it flat, picture page down."),
    say("hints.leave_document", "Its chip is being read."),
    say("hints.chip_again", "Its chip was not read. Please do not move it."),
    say("hints.look_at_camera", "Take off hat and dark glasses."),
    say("hints.turn_left", "Slowly, and only your head."),
    say("hints.turn_right", "Slowly, and only your head."),
    # For translators: What was wrong with the last print, as a plain fact that blames nobody.
    say("hints.press_harder", "The print was too light."),
    say("hints.press_lighter", "The print was too dark."),
    say("hints.finger_to_middle", "The finger was not in the middle."),
    say("hints.finger_still", "The print was blurred."),
    say("hints.finger_again", "The print was not clear."),
    say("hints.fingers_again", "The prints were not clear."),
    say("hints.wait", "This takes a few seconds."),
    say("hints.officer_comes", "Please stay here for a moment."),
    say("hints.closed", "Please use another lane."),
    # For translators: In the form that fits "Put {finger} on the glass".
    say("fingers.unknown", "one finger"),
    say("fingers.right_thumb", "your right thumb"),
    say("fingers.right_index", "your right index finger"),
    say("fingers.right_middle", "your right middle finger"),
    say("fingers.right_ring", "your right ring finger"),
    say("fingers.right_little", "your right little finger"),
    say("fingers.left_thumb", "your left thumb"),
    say("fingers.left_index", "your left index finger"),
    say("fingers.left_middle", "your left middle finger"),
    say("fingers.left_ring", "your left ring finger"),
    say("fingers.left_little", "your left little finger"),
    # For translators: In the form that fits "Put {fingers} on the glass".
    say("slaps.right_four", "the four fingers of your right hand"),
    say("slaps.left_four", "the four fingers of your left hand"),
    say("slaps.thumbs", "both thumbs"),
    say("labels.page_title", "Border check"),
    # For translators: Heard, not seen: the row of steps at the top.
    say("labels.progress", "Steps"),
    # For translators: One short word for each step.
    say("labels.step_document", "Document"),
    say("labels.step_face", "Face"),
    say("labels.step_fingers", "Fingers"),
    say("labels.step_done", "Done"),
    # For translators: A button that calls an officer.
    say("labels.help", "Help"),
    say("labels.choose_language", "Choose your language"),
    say("labels.close", "Close"),
    say("labels.attempt", "Try {n} of {of}"),
    # For translators: A button, shown while the time runs out. Short.
    say("labels.more_time", "I need more time"),
    say("labels.moment", "One moment, please"),
    say("labels.moment_hint", "This screen goes on by itself."),
    # For translators: In the place of the last one, when it has not gone on for some time.
    say("labels.moment_long", "If this lasts, please ask an officer."),
    # For translators: A button that moves everything down, for who sits in a wheelchair or is small. Short.
    say("labels.lower", "Lower"),
    # For translators: A button that turns the voice on and off. Short.
    say("labels.sound", "Sound"),
    # For translators: The kiosk is used for practice.
    say("labels.training", "Training. Not a real border check."),
    # For translators: The recognition of faces is for showing only.
    say("labels.demo_model", "Demo model."),
    # For translators: What data is taken. {items} is a list of the three that follow, in the form that fits here.
    say("intro.what", "We take {items}."),
    say("intro.why", "Why: to check at this border who you are."),
    # For translators: {time} is a number of hours or days, in the form that fits here.
    say("intro.keep", "When all is in order, everything is erased after {time}."),
    say("intro.document", "your document"),
    say("intro.face", "a picture of your face"),
    say("intro.fingers", "your fingerprints"),
    # For translators: In the place of the last one, where children give none. {age} is a number of years.
    say("intro.fingers_from", "your fingerprints (from the age of {age})"),
    # For translators: Between the parts of a list, with its spaces.
    say("intro.separator", ", "),
    # For translators: Before the last part of a list, with its spaces.
    say("intro.last_separator", " and "),
    # For translators: Time left.
    count("times.seconds", "{n} second", "{n} seconds"),
    # For translators: Stands for {time} in "everything is erased after {time}".
    count("times.hours", "{n} hour", "{n} hours"),
    count("times.days", "{n} day", "{n} days"),
)
