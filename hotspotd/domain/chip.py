"""What became of reading a document's chip, and of comparing its portrait with the traveller's face.

Nothing here names the holder: it says what was found, not what the chip holds.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ChipState(StrEnum):
    """The verdict on one chip (ICAO Doc 9303-11, 5: passive authentication)."""

    AUTHENTIC = "authentic"  # signed by a document signer of the issuing country, nothing changed
    NOT_CHECKED = "not_checked"  # it was read, but nobody here can say whether it is genuine
    BROKEN = "broken"  # it contradicts its own signature, or nobody entitled signed it
    NOT_READ = "not_read"


class ChipFinding(StrEnum):
    """What was found, in the order in which it matters to an officer."""

    # Broken.
    COPY = "copy"  # the chip does not hold the private key to its DG14: a copy
    HIDDEN_GROUP = "hidden_group"  # a data group that shows copies is signed for, but not on the chip
    WRONG_HASH = "wrong_hash"  # a data group is not the one that was signed
    WRONG_SIGNATURE = "wrong_signature"
    NO_SIGNATURE = "no_signature"  # EF.SOD is missing or torn
    SIGNER_UNKNOWN = "signer_unknown"  # none of that country's authorities that are known certified the signer
    SIGNER_COUNTRY = "signer_country"  # the signer is another country's than the document's issuer
    SIGNER_REVOKED = "signer_revoked"
    SIGNER_NOT_VALID = "signer_not_valid"  # not within its validity when it signed
    ZONE_DIFFERS = "zone_differs"  # the zone in the chip is not the printed one
    # Not checked.
    NO_AUTHORITY = "no_authority"  # no signing authority of that country is known here
    NOT_UNDERSTOOD = "not_understood"  # an algorithm or a form that is not known here
    # Not read.
    NO_CHIP = "no_chip"  # none answered in time: there is none, it is shielded or defective
    KEY_REFUSED = "key_refused"  # the printed zone does not open it
    TAKEN_AWAY = "taken_away"
    UNREADABLE = "unreadable"
    READER_AWAY = "reader_away"
    # Noted beside any of these.
    NO_COPY_PROTECTION = "no_copy_protection"  # the chip cannot show that it is no copy
    NO_PORTRAIT = "no_portrait"


class ChipCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict, why, and how the chip was read.

    ``groups`` are the data groups that WRONG_HASH or HIDDEN_GROUP is about; ``signer`` names the country in the
    document signer's certificate; ``access`` and ``protocol`` say how the chip was opened; ``read_s`` how long reading
    took. ``copy_checked``: the chip has shown that it is no copy.
    """

    state: ChipState
    findings: tuple[ChipFinding, ...] = ()
    groups: tuple[str, ...] = ()
    signer: str = ""
    access: str = ""
    protocol: str = ""
    copy_checked: bool = False
    read_s: float | None = None


class PortraitProblem(StrEnum):
    """Why the chip's portrait was not compared with the traveller's face."""

    NOT_A_PICTURE = "not_a_picture"
    NO_FACE_IN_PORTRAIT = "no_face_in_portrait"
    NO_RATE = "no_rate"  # the face model claims no false match rate as small as the one asked for


class PortraitCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The traveller's face against the chip's portrait: ``fmr`` is the calibrated false match rate of their similarity.

    ``matches`` is None where they were not compared; ``problem`` says why.
    """

    asked_fmr: float
    engine: str
    matches: bool | None = None
    fmr: float | None = None
    similarity: float | None = None
    problem: PortraitProblem | None = None
