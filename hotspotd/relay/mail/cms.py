"""CMS as S/MIME 4.0 has it (RFC 5652, 5083, 5753, 8551): signing, and encrypting to one receiver. Pure.

Signed is with ECDSA on P-256 and SHA-256, content and certificate inside. Encrypted is with AES-256-GCM under a fresh
key, wrapped (AES-256) with what an ephemeral key and the receiver's agree on: ECDH on P-256, X9.63 KDF with SHA-256.
Reads the same and nothing else, whoever wrote it, in DER or BER.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, ClassVar

from asn1crypto import algos, cms, core, keys
from cryptography import x509
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap
from cryptography.hazmat.primitives.serialization import pkcs7

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.seal import p256, read_certificate

_ECDH_SHA256KDF = "1.3.132.1.11.1"  # dhSinglePass-stdDH-sha256kdf-scheme, RFC 5753, 7.1.4
_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
# More than one receiver or certificate is nothing of ours; a few are read over, many are an attack.
_MOST_RECEIVERS = 8

TORN = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""What asn1crypto raises of bytes that are not the structure they should be, and only when they are looked at."""


class _GcmParameters(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types. RFC 5084, 3.2.
    _fields: ClassVar = [("nonce", core.OctetString), ("icv_length", core.Integer, {"default": 12})]


class _SharedInfo(core.Sequence):  # type: ignore[misc]  # RFC 5753, 7.2; without user keying material.
    _fields: ClassVar = [("key_info", algos.AlgorithmIdentifier), ("bits", core.OctetString, {"explicit": 2})]


def sign(content: bytes, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
    """``content`` in a SignedData with the signer's certificate."""
    return (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(content)
        .add_signer(certificate, key, hashes.SHA256())
        .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary, pkcs7.PKCS7Options.NoCapabilities])
    )


def verify(signed: bytes) -> tuple[bytes, x509.Certificate]:
    """The content of a SignedData, and the certificate whose key has signed it: whether that counts is not judged.

    Raises RelayError: UNSIGNED for what is no SignedData, TAMPERED.
    """
    try:
        info = cms.ContentInfo.load(signed, strict=True)
        if info["content_type"].native != "signed_data":
            raise RelayError(Reason.UNSIGNED, "mail: not signed", "Only signed mail is taken.")
        data = info["content"]
        if data["encap_content_info"]["content_type"].native != "data" or len(data["signer_infos"]) != 1:
            raise RelayError(Reason.TAMPERED, "mail: not signed by one over data")
        content = bytes(data["encap_content_info"]["content"].native)
        signer = data["signer_infos"][0]
        certificate = _signer(data["certificates"], signer["sid"])
        _check_signature(signer, certificate, content)
    except TORN as error:
        raise RelayError(Reason.TAMPERED, "mail: its signature is damaged") from error
    return content, certificate


def _signer(certificates: Any, sid: Any) -> x509.Certificate:
    if len(certificates) > _MOST_RECEIVERS or sid.name != "issuer_and_serial_number":
        raise RelayError(Reason.TAMPERED, "mail: its signature is not of the form that is taken")
    wanted = (sid.chosen["issuer"].dump(), int(sid.chosen["serial_number"].native))
    for one in certificates:
        body = one.chosen["tbs_certificate"]
        if (body["issuer"].dump(), int(body["serial_number"].native)) == wanted:
            return read_certificate(one.chosen.dump())
    raise RelayError(Reason.TAMPERED, "mail: signed without the signer's certificate")


def _check_signature(signer: Any, certificate: x509.Certificate, content: bytes) -> None:
    attributes = signer["signed_attrs"]
    values = {one["type"].native: one["values"] for one in attributes}
    if (
        signer["digest_algorithm"]["algorithm"].native != "sha256"
        or signer["signature_algorithm"]["algorithm"].native != "sha256_ecdsa"
        or len(values) != len(attributes)
        or any(len(values[name]) != 1 for name in ("content_type", "message_digest"))
        or values["content_type"][0].native != "data"
    ):
        raise RelayError(Reason.TAMPERED, "mail: its signature is not of the form that is taken")
    if values["message_digest"][0].native != hashlib.sha256(content).digest():
        raise RelayError(Reason.TAMPERED, "mail: the signature does not fit the content")
    key = p256(certificate)
    try:
        # What is signed are the attributes as a SET, not with the tag that they have here (RFC 5652, 5.4).
        key.verify(signer["signature"].native, attributes.untag().dump(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise RelayError(Reason.TAMPERED, "mail: the signature does not fit the content") from error


def envelop(content: bytes, receiver: x509.Certificate) -> bytes:
    """``content`` in an AuthEnvelopedData that the holder of the receiver's key can open."""
    content_key, nonce = secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
    cipher = Cipher(algorithms.AES(content_key), modes.GCM(nonce)).encryptor()
    encrypted = cipher.update(content) + cipher.finalize()
    ephemeral = ec.generate_private_key(ec.SECP256R1())
    wrapping = _wrapping_key(ephemeral.exchange(ec.ECDH(), p256(receiver)))
    body = cms.AuthEnvelopedData(
        {
            "version": "v0",
            "recipient_infos": [
                cms.RecipientInfo("kari", _agreement(ephemeral, receiver, aes_key_wrap(wrapping, content_key)))
            ],
            "auth_encrypted_content_info": {
                "content_type": "data",
                "content_encryption_algorithm": {
                    "algorithm": "aes256_gcm",
                    "parameters": _GcmParameters({"nonce": nonce, "icv_length": _TAG_BYTES}),
                },
                "encrypted_content": encrypted,
            },
            "mac": cipher.tag,
        }
    )
    return bytes(cms.ContentInfo({"content_type": "authenticated_enveloped_data", "content": body}).dump())


def _agreement(ephemeral: ec.EllipticCurvePrivateKey, receiver: x509.Certificate, wrapped: bytes) -> Any:
    public = ephemeral.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    originator = cms.OriginatorIdentifierOrKey("originator_key", keys.PublicKeyInfo.load(public))
    return cms.KeyAgreeRecipientInfo(
        {
            "version": "v3",
            "originator": originator,
            "key_encryption_algorithm": {
                "algorithm": _ECDH_SHA256KDF,
                "parameters": cms.KeyEncryptionAlgorithm({"algorithm": "aes256_wrap"}),
            },
            "recipient_encrypted_keys": [{"rid": _rid(receiver), "encrypted_key": wrapped}],
        }
    )


def _rid(certificate: x509.Certificate) -> Any:
    return cms.KeyAgreementRecipientIdentifier(
        "issuer_and_serial_number",
        {
            "issuer": cms.Name.load(certificate.issuer.public_bytes()),
            "serial_number": certificate.serial_number,
        },
    )


def _wrapping_key(secret: bytes) -> bytes:
    shared = _SharedInfo(
        {
            "key_info": algos.AlgorithmIdentifier({"algorithm": "2.16.840.1.101.3.4.1.45"}),
            "bits": (8 * _KEY_BYTES).to_bytes(4),
        }
    )
    return X963KDF(hashes.SHA256(), _KEY_BYTES, shared.dump()).derive(secret)


def open_envelope(enveloped: bytes, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
    """The content of an AuthEnvelopedData for ``certificate``.

    Raises RelayError: UNSIGNED for what is no AuthEnvelopedData, UNTRUSTED for one that is for others, TAMPERED.
    """
    try:
        info = cms.ContentInfo.load(enveloped, strict=True)
        if info["content_type"].native != "authenticated_enveloped_data":
            raise RelayError(Reason.UNSIGNED, "mail: not encrypted as it should be", "Only S/MIME 4.0 is taken.")
        body = info["content"]
        inner = body["auth_encrypted_content_info"]
        algorithm = inner["content_encryption_algorithm"]
        if algorithm["algorithm"].native != "aes256_gcm" or inner["content_type"].native != "data":
            raise RelayError(Reason.TAMPERED, "mail: not encrypted with AES-256-GCM")
        parameters = _GcmParameters.load(algorithm["parameters"].dump(), strict=True)
        nonce, tag = bytes(parameters["nonce"].native), bytes(body["mac"].native)
        if len(nonce) != _NONCE_BYTES or len(tag) != _TAG_BYTES or body["auth_attrs"].native:
            raise RelayError(Reason.TAMPERED, "mail: not encrypted in the form that is taken")
        content_key = _content_key(body["recipient_infos"], key, certificate)
        encrypted = bytes(inner["encrypted_content"].native)
        cipher = Cipher(algorithms.AES(content_key), modes.GCM(nonce, tag)).decryptor()
        return cipher.update(encrypted) + cipher.finalize()
    except (InvalidTag, InvalidUnwrap) as error:
        raise RelayError(Reason.TAMPERED, "mail: changed on its way") from error
    except TORN as error:
        raise RelayError(Reason.TAMPERED, "mail: its envelope is damaged") from error


def _content_key(receivers: Any, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bytes:
    ours = _rid(certificate).dump()
    for receiver in list(receivers)[:_MOST_RECEIVERS]:
        if receiver.name != "kari":
            continue
        agreement = receiver.chosen
        for one in list(agreement["recipient_encrypted_keys"])[:_MOST_RECEIVERS]:
            if one["rid"].dump() == ours:
                return _unwrapped(agreement, bytes(one["encrypted_key"].native), key)
    raise RelayError(Reason.UNTRUSTED, "mail: encrypted for another receiver")


def _unwrapped(agreement: Any, wrapped: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    algorithm = agreement["key_encryption_algorithm"]
    wrap = cms.KeyEncryptionAlgorithm.load(algorithm["parameters"].dump(), strict=True)
    if (
        algorithm["algorithm"].native != _ECDH_SHA256KDF
        or wrap["algorithm"].native != "aes256_wrap"
        or wrap["parameters"].native is not None
        or agreement["originator"].name != "originator_key"
        or agreement["ukm"].native is not None
        or len(wrapped) != _KEY_BYTES + 8
    ):
        raise RelayError(Reason.TAMPERED, "mail: its key is not wrapped in the form that is taken")
    # The point is taken for one of P-256 only; from_encoded_point refuses what is not on the curve.
    point = bytes(agreement["originator"].chosen["public_key"].native)
    ephemeral = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    return aes_key_unwrap(_wrapping_key(key.exchange(ec.ECDH(), ephemeral)), wrapped)
