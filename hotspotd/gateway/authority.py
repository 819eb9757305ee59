"""A certificate authority in a folder: for the demo, the tests and small deployments.

Makes ``ca.pem``/``ca.key`` and, signed by it, server and device certificates ``NAME.pem``/``NAME.key`` (EC
P-256, PEM); for mail, ``NAME-mail.pem``/``NAME-mail.key`` besides. Private keys are written with mode 0600,
unencrypted. A device certificate is good for clients only and a server certificate for servers only, so that neither
can play the other. Nothing is overwritten.

    python -m hotspotd.gateway.authority FOLDER --server localhost,127.0.0.1 --device kiosk-1
    python -m hotspotd.gateway.authority FOLDER --mail gateway --mail kiosk-1
"""

from __future__ import annotations

import argparse
import ipaddress
import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hotspotd.errors import ConfigError, Reason

# A kiosk without a clock of its own starts in the past; a certificate made on a machine a little ahead must hold.
_BACKDATED = timedelta(days=1)
_CA_VALID = timedelta(days=3_650)
_LEAF_VALID = timedelta(days=397)
# As device.name in the configuration; the name is that of the files, too.
_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,40}")


class Authority:
    """The authority in one folder. Make it with ``create`` or ``open``."""

    def __init__(self, folder: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.folder = folder
        self._key = key
        self._certificate = certificate

    @property
    def trust_anchor(self) -> Path:
        """The file with the authority's certificate."""
        return self.folder / "ca.pem"

    @classmethod
    def create(cls, folder: Path, name: str = "hotspotd gateway authority") -> Authority:
        """A new authority in ``folder``, which is made if need be. Raises ConfigError (CONFLICT) if it holds one."""
        folder.mkdir(parents=True, exist_ok=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(name)
        builder = (
            _builder(subject, subject, key.public_key(), _CA_VALID)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        certificate = builder.sign(key, hashes.SHA256())
        _write(folder, "ca", key, certificate)
        return cls(folder, key, certificate)

    @classmethod
    def open(cls, folder: Path) -> Authority:
        """The authority that is in ``folder``. Raises ConfigError (UNREADABLE)."""
        try:
            key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
            certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        except (OSError, ValueError) as error:
            raise ConfigError(Reason.UNREADABLE, f"{folder}: no usable authority", "Make one first.") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigError(Reason.BAD_VALUE, f"{folder}: the authority's key is not an EC key")
        return cls(folder, key, certificate)

    def issue_server(self, names: Sequence[str], file: str = "gateway") -> tuple[Path, Path]:
        """A server certificate for host names and IP addresses; returns the paths of certificate and key."""
        sans = x509.SubjectAlternativeName([_general_name(name) for name in names])
        return self._issue(file, names[0], ExtendedKeyUsageOID.SERVER_AUTH, sans)

    def issue_device(self, device: str) -> tuple[Path, Path]:
        """A client certificate whose common name is ``device``; returns the paths of certificate and key.

        Raises ConfigError: BAD_VALUE for a name that no configuration can have, CONFLICT.
        """
        _check_name(device)
        return self._issue(device, device, ExtendedKeyUsageOID.CLIENT_AUTH, None)

    @property
    def certificate(self) -> x509.Certificate:
        """The authority's own certificate."""
        return self._certificate

    def certify(self, device: str, key: ec.EllipticCurvePublicKey, valid: timedelta) -> x509.Certificate:
        """A client certificate for a key that is the device's own. Raises ConfigError (BAD_VALUE) for a wrong name."""
        _check_name(device)
        return self._leaf(device, key, ExtendedKeyUsageOID.CLIENT_AUTH, None, valid)

    def revocation_list(
        self, revoked: Sequence[tuple[int, datetime]], now: datetime, valid: timedelta
    ) -> x509.CertificateRevocationList:
        """A list (RFC 5280, 5) of serial numbers and since when they are revoked. Its number rises with the time."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now)
            .next_update(now + valid)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        for serial, since in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self._key, hashes.SHA256())

    def issue_mail(self, name: str) -> tuple[Path, Path]:
        """A certificate under which mail for ``name`` is encrypted, ``NAME-mail.pem``; returns the paths.

        A key of its own: one that opens what others send is no key to sign with. Raises ConfigError (BAD_VALUE,
        CONFLICT).
        """
        _check_name(name)
        return self._issue(f"{name}-mail", name, ExtendedKeyUsageOID.EMAIL_PROTECTION, None)

    def _issue(
        self, file: str, common_name: str, purpose: x509.ObjectIdentifier, sans: x509.SubjectAlternativeName | None
    ) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        return _write(self.folder, file, key, self._leaf(common_name, key.public_key(), purpose, sans, _LEAF_VALID))

    def _leaf(
        self,
        common_name: str,
        key: ec.EllipticCurvePublicKey,
        purpose: x509.ObjectIdentifier,
        sans: x509.SubjectAlternativeName | None,
        valid: timedelta,
    ) -> x509.Certificate:
        builder = (
            _builder(_name(common_name), self._certificate.subject, key, valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(agrees=purpose == ExtendedKeyUsageOID.EMAIL_PROTECTION), critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if sans is not None:
            builder = builder.add_extension(sans, critical=False)
        return builder.sign(self._key, hashes.SHA256())


def _check_name(device: str) -> None:
    if not _DEVICE.fullmatch(device):
        raise ConfigError(Reason.BAD_VALUE, f"{device[:50]!r}: not the name of a device", "1 to 40 of A-Z a-z 0-9 _ -.")


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + valid)
    )


def _usage(*, ca: bool = False, agrees: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not (ca or agrees),
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=agrees,
        encipher_only=False,
        decipher_only=False,
    )


def _write(
    folder: Path, file: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> tuple[Path, Path]:
    key_path, certificate_path = folder / f"{file}.key", folder / f"{file}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for path, content, mode in (
        (key_path, private, 0o600),
        (certificate_path, certificate.public_bytes(serialization.Encoding.PEM), 0o644),
    ):
        try:
            # The mode is given at creation: a key is never readable by others, not even for a moment.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError as error:
            raise ConfigError(Reason.CONFLICT, f"{path}: is there already", "Name another folder or file.") from error
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    return certificate_path, key_path


def main(arguments: Sequence[str] | None = None) -> int:
    """Make an authority, or use the one that is there, and issue what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m hotspotd.gateway.authority")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--server", metavar="NAME[,NAME]", help="issue gateway.pem for these names and addresses")
    parser.add_argument("--device", action="append", default=[], metavar="NAME", help="issue NAME.pem for this device")
    parser.add_argument(
        "--mail", action="append", default=[], metavar="NAME", help="issue NAME-mail.pem, to encrypt mail for it"
    )
    options = parser.parse_args(arguments)
    try:
        folder: Path = options.folder
        authority = Authority.open(folder) if (folder / "ca.pem").exists() else Authority.create(folder)
        if options.server:
            authority.issue_server(options.server.split(","))
        for device in options.device:
            authority.issue_device(device)
        for name in options.mail:
            authority.issue_mail(name)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
