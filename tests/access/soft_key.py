"""A security key in software, after WebAuthn Level 2: what an authenticator and its browser answer to a challenge."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode

_PRESENT, _VERIFIED, _ATTESTED = 0x01, 0x04, 0x40


class SoftKey:
    """One key with one credential. ``verifies``: it asks its holder for a PIN of its own."""

    def __init__(self, *, verifies: bool = True, number: bytes = b"\x07" * 48) -> None:
        self.verifies = verifies
        self.number = number
        self.counter = 0
        self._private = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any], origin: str) -> dict[str, Any]:
        """The answer to ``navigator.credentials.create``, as JSON."""
        asked = options["publicKey"]
        public = cbor.encode(dict(ES256.from_cryptography_key(self._private.public_key())))
        credential = bytes(16) + struct.pack(">H", len(self.number)) + self.number + public
        data = self._data(asked["rp"]["id"], _ATTESTED) + credential
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            clientDataJSON=_client("webauthn.create", asked["challenge"], origin), attestationObject=attestation
        )

    def get(self, options: dict[str, Any], origin: str) -> dict[str, Any]:
        """The answer to ``navigator.credentials.get``, as JSON, whichever key is asked for."""
        asked = options["publicKey"]
        client = _client("webauthn.get", asked["challenge"], origin)
        data = self._data(asked["rpId"], 0)
        signature = self._private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature)

    def _data(self, rp_id: str, flags: int) -> bytes:
        self.counter += 1
        flags |= _PRESENT | (_VERIFIED if self.verifies else 0)
        return hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def _answer(self, **response: bytes) -> dict[str, Any]:
        number = websafe_encode(self.number)
        coded = {name: websafe_encode(value) for name, value in response.items()}
        return {"id": number, "rawId": number, "type": "public-key", "response": coded, "clientExtensionResults": {}}


def _client(kind: str, challenge: str, origin: str) -> bytes:
    assert len(websafe_decode(challenge)) >= 16
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()
