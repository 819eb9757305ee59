"""The folder of a device's identity (``relay.identity``), written by enrolment and renewal, read by everything else.

    device.pem      certificate and encrypted private key in one file, so that one rename changes both
    ca.pem          whom to believe
    gateway.json    where it was enrolled, for renewal
    device-key      the secret that opens the private key, where it is no credential of systemd's
    pending.pem     the encrypted key of a request that is under way
    previous.pem    the identity before this one: lists that were published for it can still be opened

Nothing here is usable without the secret. The present identity stays until the next one is whole on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from hotspotd.errors import ProvisioningError, Reason
from hotspotd.provisioning.certificates import Issued, new_key
from hotspotd.provisioning.files import erase, write_private
from hotspotd.provisioning.secrets import DEVICE_KEY, load_secret, password, read_key

PREVIOUS: Final = "previous.pem"
_MOST: Final = 64 * 1024


class Enrolled(msgspec.Struct, frozen=True, kw_only=True):
    """Where and as what a device was enrolled. ``gateway`` is empty where that was done by files."""

    device: str
    gateway: str = ""


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """A request that is on its way by files: whose answer is awaited, and which authority must have signed it."""

    device: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class IdentityFolder:
    """One such folder. All methods block; they raise ProvisioningError, ConfigError and OSError."""

    folder: Path

    @property
    def device(self) -> Path:
        """Certificate and private key."""
        return self.folder / "device.pem"

    @property
    def anchors(self) -> Path:
        """Whom to believe."""
        return self.folder / "ca.pem"

    @property
    def secret(self) -> Path:
        """The secret, where it is kept in a file."""
        return self.folder / DEVICE_KEY

    @property
    def previous(self) -> Path:
        """The identity before this one."""
        return self.folder / PREVIOUS

    @property
    def _pending(self) -> Path:
        return self.folder / "pending.pem"

    @property
    def _awaited(self) -> Path:
        return self.folder / "pending.json"

    @property
    def _candidate(self) -> Path:
        return self.folder / "next.pem"

    @property
    def _where(self) -> Path:
        return self.folder / "gateway.json"

    def enrolled(self) -> Enrolled:
        """Where it was enrolled. Raises ProvisioningError (NOT_FOUND)."""
        try:
            return msgspec.json.decode(self._where.read_bytes()[:_MOST], type=Enrolled)
        except FileNotFoundError as error:
            raise not_enrolled(self.folder) from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ProvisioningError(
                Reason.UNREADABLE, f"{self._where}: damaged", "Enrol the device again: hotspotctl device enrol."
            ) from error

    def certificate(self) -> x509.Certificate:
        """The present certificate. Raises ProvisioningError (NOT_FOUND, UNREADABLE)."""
        return _certificates(self.device)[0]

    def trusted(self) -> list[x509.Certificate]:
        """Whom to believe. Raises ProvisioningError (NOT_FOUND, UNREADABLE)."""
        return _certificates(self.anchors)

    def pending_key(self) -> ec.EllipticCurvePrivateKey:
        """The key of the request that is under way; a new one where there is none.

        It is on disk before anybody hears of it: an answer that was lost is asked for again with the same key.
        """
        if self._pending.exists():
            return read_key(self._pending)
        key = new_key()
        write_private(self._pending, self._encrypted(key))
        return key

    def await_answer(self, awaited: Awaited) -> None:
        """Note whose answer is awaited."""
        write_private(self._awaited, msgspec.json.encode(awaited))

    def awaited(self) -> Awaited:
        """Whose answer is awaited. Raises ProvisioningError (NOT_FOUND)."""
        try:
            return msgspec.json.decode(self._awaited.read_bytes()[:_MOST], type=Awaited)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ProvisioningError(
                Reason.NOT_FOUND,
                f"{self.folder}: no request is on its way",
                "Make one: hotspotctl device export-request.",
            ) from error

    def has_pending(self) -> bool:
        """Whether a request is under way."""
        return self._pending.exists()

    def give_up_pending(self) -> None:
        """The request is answered, or came to nothing for good: the next one has another key."""
        for path in (self._pending, self._awaited, self._candidate):
            if path.exists():
                erase(path, overwrite=True)

    def install(self, issued: Issued, key: ec.EllipticCurvePrivateKey, enrolled: Enrolled) -> None:
        """Put this identity in the place of the present one."""
        if self.device.exists():
            write_private(self.previous, self.device.read_bytes())
        pems = b"".join(anchor.public_bytes(Encoding.PEM) for anchor in issued.anchors)
        write_private(self.anchors, pems)
        write_private(self._where, msgspec.json.encode(enrolled))
        write_private(self.device, issued.certificate.public_bytes(Encoding.PEM) + self._encrypted(key))
        self.give_up_pending()

    def candidate(self, issued: Issued, key: ec.EllipticCurvePrivateKey) -> Path:
        """Write an identity beside the present one, to be tried before it is installed; returns the file."""
        write_private(self._candidate, issued.certificate.public_bytes(Encoding.PEM) + self._encrypted(key))
        return self._candidate

    def _encrypted(self, key: ec.EllipticCurvePrivateKey) -> bytes:
        under = BestAvailableEncryption(password(load_secret(DEVICE_KEY, self.secret)))
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, under)


def not_enrolled(folder: Path) -> ProvisioningError:
    """There is no identity in ``folder``."""
    return ProvisioningError(
        Reason.NOT_FOUND, f"{folder}: this device is not enrolled", "hotspotctl device enrol, with a one-time code."
    )


def _certificates(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes()[:_MOST])
    except FileNotFoundError as error:
        raise not_enrolled(path.parent) from error
    except ValueError as error:
        raise ProvisioningError(
            Reason.UNREADABLE, f"{path}: no certificate", "Enrol the device again: hotspotctl device enrol."
        ) from error
