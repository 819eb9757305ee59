"""What PC/SC's result codes mean to whoever stands beside the reader."""

from __future__ import annotations

from smartcard import scard

from drivers.base import DriverError, DriverReason

RESET = scard.SCARD_RESET_CARD

_NO_SERVICE = frozenset({scard.SCARD_E_NO_SERVICE, scard.SCARD_E_SERVICE_STOPPED})
_GONE = frozenset(
    {
        scard.SCARD_E_READER_UNAVAILABLE,
        scard.SCARD_E_UNKNOWN_READER,
        scard.SCARD_E_NO_READERS_AVAILABLE,
        scard.SCARD_E_INVALID_HANDLE,
        scard.SCARD_F_COMM_ERROR,
    }
)
_TAKEN_AWAY = frozenset(
    {
        scard.SCARD_W_REMOVED_CARD,
        scard.SCARD_W_RESET_CARD,
        scard.SCARD_W_UNPOWERED_CARD,
        scard.SCARD_E_NO_SMARTCARD,
        # What drivers of contactless readers report when the chip leaves the field in the middle of a command.
        scard.SCARD_E_NOT_TRANSACTED,
    }
)
_SILENT = frozenset({scard.SCARD_W_UNRESPONSIVE_CARD, scard.SCARD_W_UNSUPPORTED_CARD, scard.SCARD_E_PROTO_MISMATCH})


def check(result: int, place: str, *, opening: bool = False) -> None:
    """Raise what ``result`` stands for, where it is no success; ``opening``: the reader was not open yet."""
    if result != scard.SCARD_S_SUCCESS:
        raise explained(result, place, opening=opening)


def explained(result: int, place: str, *, opening: bool = False) -> DriverError:
    """The error that a result code of PC/SC stands for."""
    away = DriverReason.ABSENT if opening else DriverReason.LOST
    if result in _NO_SERVICE:
        reason, what, advice = away, f"PC/SC, which has {place}, does not run", "systemctl start pcscd.socket"
    elif result in _GONE:
        reason, what, advice = away, f"the chip reader at {place} is not there", "plug it in again"
    elif result in _TAKEN_AWAY:
        reason, what, advice = DriverReason.REMOVED, "the document was taken away while it was read", "leave it there"
    elif result in _SILENT:
        reason, what, advice = DriverReason.PROTOCOL, "the chip does not answer", "lay the document down again"
    elif result == scard.SCARD_E_SHARING_VIOLATION:
        reason, what, advice = DriverReason.BUSY, f"another program uses {place}", "stop it: one alone can read a chip"
    elif result == scard.SCARD_W_SECURITY_VIOLATION:
        reason, what, advice = DriverReason.DENIED, f"{place} may not be used", "let polkit allow org.debian.pcsc-lite"
    else:
        text = str(scard.SCardGetErrorMessage(result)).strip().rstrip(".")
        reason, what, advice = away, f"PC/SC at {place}: {text} ({result & 0xFFFFFFFF:08X})", "unplug it for a moment"
    return DriverError(reason, what, advice)
