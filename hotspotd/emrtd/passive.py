"""Passive authentication: is what the chip holds what its country signed (ICAO Doc 9303-11, 5.1)? Pure.

The rules, in order:

1. EF.SOD is there and its signature holds by the document signer's key.
2. That signer was certified by an authority that is known here, was valid when it signed, is not revoked, and is of the
   country that issued the document by its DG1.
3. Each data group that was read has the hash that was signed; none that was read is unsigned.
4. Where DG14 was signed, it is on the chip, and the chip has shown that it holds the private key to it: anything else
   is what a copy would do.

Authentic is only what passes all of them. What breaks one is broken, whatever else holds; what cannot be judged, since
no authority of that country is known or an algorithm is not, is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from hotspotd.domain.chip import ChipCheck, ChipFinding, ChipState
from hotspotd.emrtd import lds
from hotspotd.emrtd.authorities import Authorities, country_of, valid_at
from hotspotd.emrtd.countries import certificate_country
from hotspotd.emrtd.security_object import SecurityObject
from hotspotd.emrtd.signatures import TORN, NotUnderstoodError, digest
from hotspotd.errors import ChipError

Proof = Literal["done", "absent", "unsupported", "failed"]
"""What came of chip authentication."""

_UNJUDGED = frozenset({ChipFinding.NO_AUTHORITY, ChipFinding.NOT_UNDERSTOOD})
_NOTES = frozenset({ChipFinding.NO_COPY_PROTECTION, ChipFinding.NO_PORTRAIT})


def judge(files: Mapping[str, bytes], proof: Proof, authorities: Authorities, now: datetime | None) -> ChipCheck:
    """The verdict on what was read, ``files`` by name (EF.SOD, DG1, DG2, DG14), and on how the chip proved itself.

    ``now`` is the time where it is known; without it nothing is called signed in the future. Not judged here are the
    printed zone and the face.
    """
    findings: set[ChipFinding] = set()
    groups: set[str] = set()
    signer = ""
    sod = files.get("EF.SOD")
    try:
        if sod is None:
            findings.add(ChipFinding.NO_SIGNATURE)
        else:
            signed = SecurityObject.parse(sod)
            signer = country_of(signed.signer.issuer)
            findings |= _signature(signed)
            findings |= _signer(signed, files.get("DG1"), authorities, now)
            wrong, hidden = _groups(signed, files)
            if wrong:
                findings.add(ChipFinding.WRONG_HASH)
            if hidden:
                findings.add(ChipFinding.HIDDEN_GROUP)
            groups = wrong | hidden
    except (ChipError, *TORN):
        findings.add(ChipFinding.NO_SIGNATURE)
    except NotUnderstoodError:
        findings.add(ChipFinding.NOT_UNDERSTOOD)
    if proof == "failed":
        findings.add(ChipFinding.COPY)
    elif proof != "done":
        findings.add(ChipFinding.NO_COPY_PROTECTION)
    if "DG2" not in files:
        findings.add(ChipFinding.NO_PORTRAIT)
    state = state_of(findings)
    return ChipCheck(
        state=state,
        findings=in_order(findings),
        groups=tuple(sorted(groups)),
        signer=signer,
        # The proof is worth as much as the signature over the key.
        copy_checked=proof == "done" and state is ChipState.AUTHENTIC,
    )


def state_of(findings: set[ChipFinding]) -> ChipState:
    """The verdict that findings on a chip that was read come to."""
    if findings - _UNJUDGED - _NOTES:
        return ChipState.BROKEN
    return ChipState.NOT_CHECKED if findings & _UNJUDGED else ChipState.AUTHENTIC


def in_order(findings: set[ChipFinding]) -> tuple[ChipFinding, ...]:
    """Findings as they matter."""
    return tuple(one for one in ChipFinding if one in findings)


def _signature(signed: SecurityObject) -> set[ChipFinding]:
    try:
        return set() if signed.signed_well() else {ChipFinding.WRONG_SIGNATURE}
    except NotUnderstoodError:
        return {ChipFinding.NOT_UNDERSTOOD}


def _signer(
    signed: SecurityObject, dg1: bytes | None, authorities: Authorities, now: datetime | None
) -> set[ChipFinding]:
    signer = signed.signer
    country = country_of(signer.issuer)
    findings: set[ChipFinding] = set()
    if dg1 is not None:
        wanted = certificate_country(_issuer(dg1))
        if wanted is not None and wanted != country:
            findings.add(ChipFinding.SIGNER_COUNTRY)
    when = signed.signed_at or now
    if (when is not None and not valid_at(signer, when)) or (now is not None and signer.not_valid_before > now):
        findings.add(ChipFinding.SIGNER_NOT_VALID)
    try:
        issuer = authorities.issuer_of(signer)
        if issuer is None:
            known = country in authorities.countries()
            return findings | {ChipFinding.SIGNER_UNKNOWN if known else ChipFinding.NO_AUTHORITY}
        # The authority was entitled when it certified, which is what later expiry cannot change.
        if not valid_at(issuer, signer.not_valid_before):
            findings.add(ChipFinding.SIGNER_NOT_VALID)
        if country_of(issuer.subject) != country:
            findings.add(ChipFinding.SIGNER_COUNTRY)
        if authorities.revoked(signer, issuer):
            findings.add(ChipFinding.SIGNER_REVOKED)
    except NotUnderstoodError:
        findings.add(ChipFinding.NOT_UNDERSTOOD)
    return findings


def _issuer(dg1: bytes) -> str:
    return lds.zone(dg1)[0][2:5].rstrip("<")


def _groups(signed: SecurityObject, files: Mapping[str, bytes]) -> tuple[set[str], set[str]]:
    """Names of groups whose content is not the signed one, and of those that are signed but hidden."""
    read = {name: content for name, content in files.items() if name.startswith("DG")}
    wrong = {
        name
        for name, content in read.items()
        if signed.hashes.get(int(name.removeprefix("DG"))) != digest(signed.hash_name, content)
    }
    # Every document has the first two; the fourteenth is what shows a copy.
    hidden = {f"DG{number}" for number in (1, 2, 14) if number in signed.hashes and f"DG{number}" not in read}
    return wrong, hidden | ({"DG1"} if "DG1" not in read else set())
