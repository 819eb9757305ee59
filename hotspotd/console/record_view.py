"""What an officer is shown of a list's record besides what was compared: warnings, purpose, other names, provenance.

Pure rules, no I/O. Warnings come first wherever a record is shown.
"""

from __future__ import annotations

from datetime import date

import msgspec

from hotspotd.domain.candidate import ListRecord, NameKind
from hotspotd.domain.notice import Notice

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_COLOURS = frozenset(Notice) - {Notice.UN_SPECIAL, Notice.SLTD, Notice.NATIONAL}
_NAME_KINDS = {
    NameKind.ALIAS: "Also known as",
    NameKind.ORIGINAL: "In original script",
    NameKind.FORMER: "Formerly",
    NameKind.WEAK: "Perhaps also",
}


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One line about a record. ``care``: it wants a second look."""

    label: str
    value: str
    care: bool = False


def heading_of(record: ListRecord) -> str:
    """What the chip says: ``Red notice``, or ``Red diffusion`` of what went to chosen bureaus directly."""
    return _worded(record, record.notice.heading)


def instruction_of(record: ListRecord) -> str:
    """What the officer is told to do."""
    return _worded(record, record.notice.instruction)


def _worded(record: ListRecord, words: str) -> str:
    diffused = record.diffusion and record.notice in _COLOURS
    return words.replace("notice", "diffusion") if diffused else words


def cautions_of(record: ListRecord) -> tuple[str, ...]:
    """Every warning in words, the list's own words last."""
    return (*(caution.words for caution in record.cautions), *filter(None, (record.caution_note,)))


def facts_of(record: ListRecord, today: str) -> tuple[Fact, ...]:
    """What is known about the record itself, beside what the page shows with the notice; ``today`` an ISO 8601 day."""
    facts = [Fact(label="Purpose", value=record.purpose or record.notice.purpose)]
    if record.bureau:
        facts.append(Fact(label="Contact", value=record.bureau))
    for kind, label in _NAME_KINDS.items():
        names = [name.text for name in record.other_names if name.kind is kind]
        if names:
            facts.append(Fact(label=label, value="; ".join(names)))
    if record.since or record.source:
        since = f"since {_day(record.since)}" if record.since else ""
        source = f"from {record.source}" if record.source else ""
        facts.append(Fact(label="Listed", value=", ".join(filter(None, (since, source)))))
    if record.review:
        overdue = record.review < today
        words = (
            f"was due {_day(record.review)}: ask whether it still stands" if overdue else f"by {_day(record.review)}"
        )
        facts.append(Fact(label="Review", value=words, care=overdue))
    if record.expires:
        facts.append(Fact(label="Expires", value=_day(record.expires)))
    return tuple(facts)


def _day(text: str) -> str:
    """``21 Nov 2026`` of an ISO 8601 day; anything else as it is."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"
