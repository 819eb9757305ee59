"""Encryption of what is published: one key for each publication, wrapped for each enrolled device. No I/O.

A publication is a number of streams, each cut into parts. A part is AES-256-GCM under a key of its stream; number and
count of the parts are authenticated, so that none can be left out, repeated or moved. The publication's key is wrapped
for a device's certificate: ECDH on P-256 with a key made for this once, HKDF-SHA-256, AES-256-GCM, in the manner of
NIST SP 800-56A section 6.2.2.2 (one-pass) and RFC 9180. Who has the files alone, a web server or the finder of a lost
stick, has nothing.
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hotspotd.errors import Reason, WatchlistError

KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
_POINT_BYTES: Final = 65  # Uncompressed, P-256.
WRAPPED_BYTES: Final = _POINT_BYTES + KEY_BYTES + TAG_BYTES
_WRAP: Final = b"hotspotd watchlist key wrap 1|"
_STREAM: Final = b"hotspotd watchlist stream 1|"
# Every key encrypts one message only, or messages numbered from 0: a fixed or counted nonce never repeats.
_NONCE_BYTES: Final = 12


def wrap_key(key: bytes, device: str, recipient: ec.EllipticCurvePublicKey, publication: str) -> bytes:
    """``key`` (32 bytes) for ``device`` with this public key; 113 bytes. Raises WatchlistError (BAD_VALUE)."""
    if not isinstance(recipient.curve, ec.SECP256R1):
        raise WatchlistError(Reason.BAD_VALUE, f"{device}: its key is not on P-256", "Give it a new certificate.")
    once = ec.generate_private_key(ec.SECP256R1())
    point = _point(once.public_key())
    secret = _wrapping(once.exchange(ec.ECDH(), recipient), point, _point(recipient), device, publication)
    return point + AESGCM(secret).encrypt(bytes(_NONCE_BYTES), key, None)


def unwrap_key(wrapped: bytes, device: str, private: ec.EllipticCurvePrivateKey, publication: str) -> bytes:
    """The key that ``wrap_key`` wrapped. Raises WatchlistError (DAMAGED) where it was not for this device."""
    refusal = WatchlistError(
        Reason.DAMAGED,
        f"the key of publication {publication} was not made for this device",
        "Enrol the device at the gateway, and publish again.",
    )
    if len(wrapped) != WRAPPED_BYTES:
        raise refusal
    point = wrapped[:_POINT_BYTES]
    try:
        once = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        shared = private.exchange(ec.ECDH(), once)
        secret = _wrapping(shared, point, _point(private.public_key()), device, publication)
        return AESGCM(secret).decrypt(bytes(_NONCE_BYTES), wrapped[_POINT_BYTES:], None)
    except (InvalidTag, ValueError) as error:
        raise refusal from error


class StreamKey:
    """Seals and opens the parts of one stream of a publication."""

    def __init__(self, key: bytes, stream: str, parts: int) -> None:
        self._cipher = AESGCM(_derived(key, _STREAM + stream.encode()))
        self._stream = stream
        self._parts = parts

    def seal(self, number: int, plain: bytes) -> bytes:
        """Part ``number`` (0-based) of the stream."""
        return self._cipher.encrypt(_nonce(number), plain, self._about(number))

    def open(self, number: int, sealed: bytes) -> bytes:
        """What was sealed as part ``number``. Raises WatchlistError (DAMAGED)."""
        try:
            return self._cipher.decrypt(_nonce(number), sealed, self._about(number))
        except InvalidTag as error:
            raise WatchlistError(
                Reason.DAMAGED, f"part {number} of {self._stream} cannot be decrypted", "Publish the list again."
            ) from error

    def _about(self, number: int) -> bytes:
        return f"{self._stream}|{number}|{self._parts}".encode()


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE_BYTES, "big")


def _wrapping(shared: bytes, once: bytes, recipient: bytes, device: str, publication: str) -> bytes:
    return _derived(shared, _WRAP + once + recipient + f"{device}|{publication}".encode())


def _derived(secret: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=info).derive(secret)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
