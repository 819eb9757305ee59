"""Who may do what: roles, acts, and the one table that joins them.

Pages, interface and command line ask this table and nothing else; docs/rights.md shows it, and a test holds both equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What a person is at this kiosk; one person may be several."""

    GUARD = "guard"
    SUPERVISOR = "supervisor"
    TECHNICIAN = "technician"
    AUDITOR = "auditor"


class Act(StrEnum):
    """What may be done by those who are signed in. What is not here is nobody's right."""

    SEE_ALERTS = "see_alerts"
    """See lanes, alerts and recent travellers: names, pictures, records of the list."""
    DECIDE = "decide"
    """Confirm, dismiss, escalate, hand over and reopen an alert; be the second person of two."""
    TAKE_OVER = "take_over"
    """Act on a lane: next traveller, another try, skip a finger, override."""
    LOOK_UP = "look_up"
    """Look a document, a person or a vehicle up by hand, stating a purpose."""
    WRITE_NOTES = "write_notes"
    """Read and write the note that one shift hands to the next."""
    SEE_DEVICES = "see_devices"
    """See links, outbox, devices, versions and temperatures: nothing about a person."""
    MEND = "mend"
    """Test devices and links, queue rows again, set the kiosk up, take logs and a support bundle."""
    UPDATE = "update"
    """Put another version of the software in force, or the one before."""
    SEE_AUDIT = "see_audit"
    """Read and verify the audit chain."""
    MANAGE_PEOPLE = "manage_people"
    """Add people, give them a new secret, unlock and disable them."""


_TABLE: Mapping[Act, tuple[Role, ...]] = {
    Act.SEE_ALERTS: (Role.GUARD, Role.SUPERVISOR),
    Act.DECIDE: (Role.GUARD, Role.SUPERVISOR),
    Act.TAKE_OVER: (Role.GUARD, Role.SUPERVISOR),
    Act.LOOK_UP: (Role.GUARD, Role.SUPERVISOR),
    Act.WRITE_NOTES: (Role.GUARD, Role.SUPERVISOR),
    Act.SEE_DEVICES: (Role.SUPERVISOR, Role.TECHNICIAN),
    Act.MEND: (Role.TECHNICIAN,),
    Act.UPDATE: (Role.TECHNICIAN,),
    Act.SEE_AUDIT: (Role.SUPERVISOR, Role.AUDITOR),
    Act.MANAGE_PEOPLE: (Role.SUPERVISOR,),
}

RIGHTS: Final[Mapping[Act, frozenset[Role]]] = MappingProxyType({act: frozenset(_TABLE[act]) for act in Act})
"""The table. A missing act is a KeyError at import."""


def may(roles: Iterable[Role], act: Act) -> bool:
    """Whether somebody with these ``roles`` may do ``act``."""
    return not RIGHTS[act].isdisjoint(roles)


def acts_of(roles: Iterable[Role]) -> frozenset[Act]:
    """Everything that somebody with these ``roles`` may do."""
    held = frozenset(roles)
    return frozenset(act for act in Act if may(held, act))
