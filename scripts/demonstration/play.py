"""Plays one traveller: does what the screen says, and notes what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from demonstration.link_twists import LinkTwists
from demonstration.processes import ProcessError
from demonstration.result import ANSWER_S, Result
from demonstration.stage import Stage
from demonstration.travellers import Traveller, Twist
from demonstration.world import NEXT_LIST, Person

# What a person does within this time, or the demonstration says that they could not.
_VISIT_S = 90.0
# Less than the lane waits for a finger.
_LIST_S = 25.0
_PLACE = frozenset(
    (
        "place_finger",
        "place_fingers",
        "press_harder",
        "press_lighter",
        "finger_to_middle",
        "finger_again",
        "fingers_again",
    )
)


class Visit:
    """One traveller's visit to the lane of ``stage``; ``pace_s`` is how long people take before they do anything."""

    def __init__(self, stage: Stage, traveller: Traveller, say: Callable[[str], None], *, pace_s: float = 0.0) -> None:
        self._stage = stage
        self._traveller = traveller
        self._person: Person = stage.world.people[traveller.key]
        self._say = say
        self._pace_s = pace_s
        self._result = Result(traveller)
        self._links = LinkTwists(stage, self._result, say)
        self._bad_left = traveller.bad_captures
        self._unplugged = False
        self._replaced = False
        self._documents_shown = 0
        self._told = ""

    async def play(self) -> Result:
        """From the document to the result. Never raises for what the software does: that is the result's."""
        try:
            await self._play()
        except (TimeoutError, OSError, RuntimeError, ProcessError, aiohttp.ClientError) as error:
            self._result.problems.append(str(error) or type(error).__name__)
        return self._result

    async def _play(self) -> None:
        stage, traveller = self._stage, self._traveller
        await stage.traveller.until(
            lambda: stage.traveller.view.get("state") == "idle", _VISIT_S, "the lane to be free"
        )
        before = set(stage.officer.encounters)
        raised = {alert["alert_id"] for alert in stage.officer.alerts}
        await self._links.before()
        stage.scene.show(self._person.scene)
        await asyncio.sleep(self._pace_s)
        await self._show_document()
        end = await self._follow_the_screen()
        self._say(f"the screen says: {end['prompt']}")
        stage.scene.show(stage.world.nobody)
        await stage.document.take_away()
        row = await stage.officer.until(
            lambda: (found := stage.officer.newest(before)) and found["local_outcome"] and found,
            ANSWER_S,
            "a local result",
        )
        encounter = row["encounter_id"]
        if traveller.twist is Twist.DAEMON_KILLED:
            await self._kill_and_restart(encounter)
        if end["state"] == "officer":
            await asyncio.sleep(2 * self._pace_s)
            await stage.officer_takes_over()
        await self._links.mend(encounter)
        await self._results(encounter, row, raised)
        await self._links.after(encounter, row["tcn"])

    # What a person does at the lane.

    async def _follow_the_screen(self) -> dict[str, Any]:
        screen = self._stage.traveller
        seen = -1
        async with asyncio.timeout(_VISIT_S):
            while True:
                seen = await screen.change_since(seen, _VISIT_S)
                view = screen.view
                match view["state"]:
                    case "go" | "officer":
                        return view
                    case "document" if view["attempt"] > self._documents_shown:
                        await self._show_document()
                    case "face" if view["prompt"] != self._told:
                        self._told = view["prompt"]
                        await self._turn()
                    case "finger":
                        await asyncio.sleep(self._pace_s)
                        await self._obey(view)
                    case _:
                        continue

    async def _show_document(self) -> None:
        self._documents_shown += 1
        await self._stage.document.show(self._traveller, self._person.picture)

    async def _turn(self) -> None:
        """Turn the head as the screen says, or what is held up in its place."""
        scene = self._stage.scene
        match self._told:
            # The camera sees the traveller's left on its right.
            case "turn_left" | "turn_right":
                side = 1 if self._told == "turn_left" else -1
                await asyncio.sleep(self._pace_s)
                scene.show(await asyncio.to_thread(self._person.turning, side))
            case "look_ahead":
                scene.show(self._person.scene)

    async def _obey(self, view: dict[str, Any]) -> None:
        prompt = view["prompt"]
        scanner = self._stage.scanner
        if prompt in {"lift_finger", "lift_fingers"}:
            await scanner.lift()
        elif prompt in _PLACE:
            await self._place([view["finger"]] if view["finger"] else list(view["fingers"]))
        elif prompt == "wait" and self._unplugged:
            await self._plug_in_again()

    async def _place(self, fingers: list[str]) -> None:
        scanner, twist = self._stage.scanner, self._traveller.twist
        self._result.captures += len(fingers)
        images = {finger: self._person.prints[finger] for finger in fingers}
        if self._bad_left:
            # Of several fingers the first is the bad one.
            self._bad_left -= 1
            images[fingers[0]] = self._person.bad_print
            self._say("the finger hardly touches the glass")
        if twist is Twist.LIST_REPLACED and not self._replaced:
            await self._replace_the_list()
        if twist is Twist.SCANNER_UNPLUGGED and not self._unplugged:
            self._unplugged = True
            self._say("the scanner's cable is pulled in the middle of the capture")
            await scanner.place_and_pull(images[fingers[0]])
        elif len(fingers) > 1:
            await scanner.place_several(images)
        else:
            await scanner.place(images[fingers[0]])

    async def _plug_in_again(self) -> None:
        officer = self._stage.officer
        said = await officer.until(
            lambda: next((text for text in officer.device_messages if text.startswith("scanner:")), None),
            ANSWER_S,
            "the officer to be told about the scanner",
        )
        self._say(f"the officer reads: {said}")
        self._result.notes.append(said)
        await self._stage.scanner.plug()

    # What happens around a person.

    async def _replace_the_list(self) -> None:
        """Publish the next list and wait until the kiosk has it in force, with the traveller before the scanner."""
        self._replaced = True
        self._say("the gateway publishes a list that names the document")
        await asyncio.to_thread(self._stage.world.publish_next_list)
        said = await self._stage.daemon.wait_for_line(f"watchlist {NEXT_LIST} in force", _LIST_S)
        self._say(said.partition("watchlist ")[2])
        self._result.notes.append(f"{NEXT_LIST} came into force while the traveller was being checked")

    async def _kill_and_restart(self, encounter: str) -> None:
        self._say("the daemon is killed (SIGKILL) before anything could be relayed")
        await self._stage.kill_daemon()
        await self._stage.start_daemon()
        self._links.forget_sent()
        officer = self._stage.officer
        await officer.until(lambda: encounter in officer.encounters, ANSWER_S, "the encounter after the restart")
        self._result.notes.append("the encounter was there after the restart")

    async def _results(self, encounter: str, row: dict[str, Any], raised: set[int]) -> None:
        stage, traveller, result = self._stage, self._traveller, self._result
        officer = stage.officer
        result.local, result.local_ms = row["local_outcome"], row["local_ms"]
        if result.local != traveller.expected_local:
            result.problems.append(f"local: expected {traveller.expected_local}")
        answered = await officer.until(
            lambda: officer.encounters.get(encounter, {}).get("gateway_outcome") and officer.encounters[encounter],
            ANSWER_S,
            "the gateway's answer",
        )
        result.gateway = answered["gateway_outcome"]
        await self._links.carried()
        if result.gateway != traveller.expected_gateway:
            result.problems.append(f"gateway: expected {traveller.expected_gateway}")
        if traveller.expected_alert is not None:
            await officer.until(
                lambda: traveller.expected_alert in self._alerts(encounter, raised),
                ANSWER_S,
                f"an alert of kind {traveller.expected_alert}",
            )
        result.alerts = sorted(self._alerts(encounter, raised))
        if traveller.expected_alert is None and result.alerts:
            result.problems.append(f"alerts nobody expected: {', '.join(result.alerts)}")
        if traveller.bad_captures and result.captures < traveller.bad_captures + 2:
            result.problems.append("the bad captures were not asked for again")
        await self._relayed_once(answered["tcn"])

    def _alerts(self, encounter: str, before: set[int]) -> set[str]:
        return {
            alert["kind"]
            for alert in self._stage.officer.alerts
            if alert["encounter_id"] == encounter and alert["alert_id"] not in before
        }

    async def _relayed_once(self, tcn: str) -> None:
        status = await self._stage.gateway_status()
        processed = status["by_tcn"].get(tcn, {}).get("processed", 0)
        if processed != 1:
            self._result.problems.append(f"the gateway processed the transaction {processed} times")
