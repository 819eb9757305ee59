"""Made-up documents for the tests of this room: files by name, as a driver gives them."""

from __future__ import annotations

from drivers.emulators.emrtd import personalised
from drivers.emulators.emrtd_chip import Personalisation, Proof
from drivers.emulators.emrtd_lds import Signer

ZONE = ("P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10")
PORTRAIT = b"\xff\xd8" + bytes(range(200)) + b"\xff\xd9"
_NAMES = {0x011D: "EF.SOD", 0x0101: "DG1", 0x0102: "DG2", 0x010E: "DG14"}


def document(signer: Signer, *, zone: tuple[str, ...] = ZONE, wrong_hash: bool = False) -> Personalisation:
    """A document with chip authentication."""
    return personalised(zone, PORTRAIT, signer, size=(420, 540), proof=Proof.new(), wrong_hash=wrong_hash)


def files(made: Personalisation) -> dict[str, bytes]:
    """What is read from it."""
    return {_NAMES[key]: content for key, content in made.files.items() if key in _NAMES}
