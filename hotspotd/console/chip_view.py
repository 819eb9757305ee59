"""The document's chip and its portrait in an officer's words: pure rules, no I/O."""

from __future__ import annotations

from hotspotd.console.alert_view import odds
from hotspotd.domain.chip import ChipCheck, ChipFinding, ChipState, PortraitCheck, PortraitProblem

STATES: dict[ChipState, str] = {
    ChipState.AUTHENTIC: "authentic",
    ChipState.NOT_CHECKED: "read, but not checked",
    ChipState.BROKEN: "not genuine",
    ChipState.NOT_READ: "not read",
}
FINDINGS: dict[ChipFinding, str] = {
    ChipFinding.COPY: "it does not hold its private key: a copy",
    ChipFinding.HIDDEN_GROUP: "something that was signed is missing on it",
    ChipFinding.WRONG_HASH: "something on it is not what was signed",
    ChipFinding.WRONG_SIGNATURE: "its signature does not hold",
    ChipFinding.NO_SIGNATURE: "its signature is missing or torn",
    ChipFinding.SIGNER_UNKNOWN: "none of that country's authorities known here certified its signer",
    ChipFinding.SIGNER_COUNTRY: "its signer is of another country than the document",
    ChipFinding.SIGNER_REVOKED: "its signer's certificate was revoked",
    ChipFinding.SIGNER_NOT_VALID: "its signer's certificate was not valid when it signed",
    ChipFinding.ZONE_DIFFERS: "its zone is not the printed one",
    ChipFinding.NO_AUTHORITY: "no signing authority of that country is known here",
    ChipFinding.NOT_UNDERSTOOD: "its signature is of a kind that is not known here",
    ChipFinding.NO_CHIP: "no chip answered",
    ChipFinding.KEY_REFUSED: "the printed zone does not open it",
    ChipFinding.TAKEN_AWAY: "the document was taken away too early",
    ChipFinding.UNREADABLE: "its answers cannot be understood",
    ChipFinding.READER_AWAY: "the chip reader was not there",
    ChipFinding.NO_COPY_PROTECTION: "it cannot show that it is no copy",
    ChipFinding.NO_PORTRAIT: "it has no picture that can be used",
}
_PROBLEMS: dict[PortraitProblem, str] = {
    PortraitProblem.NOT_A_PICTURE: "the chip's picture cannot be decoded",
    PortraitProblem.NO_FACE_IN_PORTRAIT: "no single face was found on the chip's picture",
    PortraitProblem.NO_RATE: "the face model claims no false match rate as small as is asked for",
}


def lines(chip: ChipCheck | None, portrait: PortraitCheck | None) -> tuple[str, ...]:
    """What became of the chip, and of the comparison with its picture, a line each; none where it was not done."""
    found = []
    if chip is not None:
        words = [FINDINGS[one] for one in chip.findings]
        named = f" ({', '.join(chip.groups)})" if chip.groups else ""
        copies = "; it has shown that it is no copy" if chip.copy_checked else ""
        found.append(f"Chip: {STATES[chip.state]}" + (f": {'; '.join(words)}" if words else "") + named + copies)
    if portrait is not None:
        found.append(_portrait(portrait))
    return tuple(found)


def _portrait(check: PortraitCheck) -> str:
    if check.matches is None or check.fmr is None:
        why = "" if check.problem is None else f": {_PROBLEMS[check.problem]}"
        return f"Face and chip's picture: not compared{why}"
    verdict = "alike" if check.matches else "not alike enough"
    return (
        f"Face and chip's picture: {verdict}. {odds(check.fmr, 'people')} would match this well"
        f" ({odds(check.asked_fmr, 'people')} needed)"
    )
