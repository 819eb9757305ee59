"""Enrolment by files, where device and gateway share no network: a request goes out, an answer comes back. No I/O.

The stick need not be trusted. The request is signed with the one-time code (``codes``), so that nobody can put another
key into it; the answer is a certificate, which the device takes only from the authority whose fingerprint was printed
with the code. Neither file holds the code or anything secret.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final, Literal

import msgspec
from cryptography import x509

from hotspotd.errors import ProvisioningError, Reason
from hotspotd.provisioning.certificates import certs_only, read_certs_only
from hotspotd.provisioning.codes import code_key

MOST_BYTES: Final = 128 * 1024
_SIGNED: Final = b"hotspotd enrolment request 1|"


class StickRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request file. ``request`` is PKCS #10 in DER, ``signature`` the code's (Ed25519) over it."""

    kind: Literal["hotspotd enrolment request"] = "hotspotd enrolment request"
    version: Literal[1] = 1
    device: str
    request: bytes
    signature: bytes

    def signed(self) -> bytes:
        """What the code has signed."""
        return _SIGNED + self.request


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    kind: Literal["hotspotd enrolment answer"] = "hotspotd enrolment answer"
    version: Literal[1] = 1
    certificates: str
    """Certs-only CMS, base64."""


def write_request(request: bytes, device: str, code: str) -> bytes:
    """A request file for the PKCS #10 ``request``. Takes some 50 ms. Raises ProvisioningError (WRONG_CODE)."""
    signature = code_key(code, device).sign(_SIGNED + request)
    return _lines(StickRequest(device=device, request=request, signature=signature))


def read_request_file(content: bytes) -> StickRequest:
    """What is in a request file; nothing of it is checked. Raises ProvisioningError (BAD_VALUE)."""
    try:
        return msgspec.json.decode(content[:MOST_BYTES], type=StickRequest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProvisioningError(
            Reason.BAD_VALUE, "this is no enrolment request", "Make it again: hotspotctl device export-request."
        ) from error


def write_answer(certificates: Sequence[x509.Certificate]) -> bytes:
    """An answer file."""
    return _lines(_Answer(certificates=base64.b64encode(certs_only(certificates)).decode()))


def read_answer(content: bytes) -> list[x509.Certificate]:
    """The certificates in an answer file; nothing of them is checked. Raises ProvisioningError (BAD_VALUE)."""
    try:
        answer = msgspec.json.decode(content[:MOST_BYTES], type=_Answer)
        return read_certs_only(base64.b64decode(answer.certificates, validate=True))
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error) as error:
        raise ProvisioningError(
            Reason.BAD_VALUE, "this is no answer to an enrolment request", "Take the file that sign-request wrote."
        ) from error


def _lines(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
