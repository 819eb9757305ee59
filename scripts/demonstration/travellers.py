"""The travellers of the demonstration, and what should become of each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hotspotd.domain.document import check_digit


class Twist(StrEnum):
    """What goes on around a traveller."""

    NONE = "none"
    LINK_DOWN = "link_down"
    FIBRE_CUT = "fibre_cut"
    DAEMON_KILLED = "daemon_killed"
    SCANNER_UNPLUGGED = "scanner_unplugged"
    LIST_REPLACED = "list_replaced"


class Listed(StrEnum):
    """Who has the traveller, or the document, on a list."""

    NOBODY = "nobody"
    DOCUMENT = "document"
    DOCUMENT_IN_NEXT_LIST = "document_in_next_list"
    FINGERS = "fingers"
    FINGERS_AT_GATEWAY_ONLY = "fingers_at_gateway_only"


@dataclass(frozen=True, slots=True)
class Traveller:
    """One person: a document, and how the visit goes."""

    key: str
    name: str
    surname: str
    given_names: str
    nationality: str
    number: str
    birth_date: str
    sex: str
    expected_local: str
    expected_gateway: str
    listed: Listed = Listed.NOBODY
    twist: Twist = Twist.NONE
    bad_captures: int = 0
    photo: bool = False
    misread_lines: bool = False
    expected_alert: str | None = None
    expected_link: str | None = "fibre"
    """By which link the check goes; ``None`` where either may be first."""

    @property
    def document_listed(self) -> bool:
        """Whether the document itself is on a list, rather than the person."""
        return self.listed in {Listed.DOCUMENT, Listed.DOCUMENT_IN_NEXT_LIST}

    def mrz(self) -> tuple[str, str]:
        """The document's two lines (TD3), with right check digits unless they are to be misread."""
        names = f"{self.surname}<<{self.given_names}".replace(" ", "<")
        first = f"P<{self.nationality}{names}".ljust(44, "<")[:44]
        number = self.number.ljust(9, "<")
        expiry = "350630"
        optional = "<" * 14
        number_digit, birth_digit = check_digit(number), check_digit(self.birth_date)
        body = f"{number}{number_digit}{self.nationality}{self.birth_date}{birth_digit}{self.sex}"
        body += f"{expiry}{check_digit(expiry)}{optional}{check_digit(optional)}"
        composite = body[0:10] + body[13:20] + body[21:43]
        last = check_digit(composite)
        if self.misread_lines:
            last = str((int(last) + 5) % 10)
        return first, body + last


TRAVELLERS = (
    Traveller(
        "a", "clear", "KOVAC", "ELENA", "UTO", "X1000001", "910314", "F", "clear", "no_hit",
    ),
    Traveller(
        "b", "document reported stolen", "MARTIN", "LUC", "FRA", "19AB00002", "830702", "M", "refer", "hit",
        listed=Listed.DOCUMENT, expected_alert="local",
    ),
    Traveller(
        "c", "fingerprint hit", "NOVAK", "PETR", "UTO", "X1000003", "790125", "M", "refer", "hit",
        listed=Listed.FINGERS, expected_alert="local",
    ),
    Traveller(
        "d", "two bad captures, then clear", "HADDAD", "SAMIRA", "UTO", "X1000004", "880909", "F", "clear", "no_hit",
        bad_captures=2,
    ),
    Traveller(
        "e", "invalid document zone", "DOE", "JOHN", "UTO", "X1000005", "700101", "M", "refer", "no_hit",
        misread_lines=True, expected_alert="trouble",
    ),
    Traveller(
        "f", "link down, late hit", "SILVA", "RUI", "UTO", "X1000006", "850518", "M", "clear", "hit",
        listed=Listed.FINGERS_AT_GATEWAY_ONLY, twist=Twist.LINK_DOWN, expected_alert="late", expected_link="lte",
    ),
    Traveller(
        "g", "daemon killed, relayed once", "PETROVA", "IRINA", "UTO", "X1000007", "930227", "F", "clear", "no_hit",
        twist=Twist.DAEMON_KILLED, expected_link=None,
    ),
    Traveller(
        "h", "scanner unplugged", "BRANDT", "JONAS", "DEU", "C01X00008", "770611", "M", "clear", "no_hit",
        twist=Twist.SCANNER_UNPLUGGED,
    ),
    Traveller(
        "i", "a photo held up for a face", "WEBER", "KLARA", "DEU", "C01X00009", "860704", "F", "refer", "no_hit",
        photo=True, expected_alert="trouble",
    ),
    Traveller(
        "j", "listed while being checked", "OKAFOR", "DANIEL", "UTO", "X1000010", "810222", "M", "refer", "hit",
        listed=Listed.DOCUMENT_IN_NEXT_LIST, twist=Twist.LIST_REPLACED, expected_alert="local",
    ),
    Traveller(
        "k", "fibre cut, goes by lte", "LINDQVIST", "MAJA", "UTO", "X1000011", "950518", "F", "clear", "no_hit",
        twist=Twist.FIBRE_CUT, expected_link="lte",
    ),
)  # fmt: skip
