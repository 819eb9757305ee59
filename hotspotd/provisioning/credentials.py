"""Secrets as systemd credentials (systemd-creds(1)): sealed for this machine, and handed over to the unit.

Sealing takes root. It is done under the TPM together with the machine's key where there is a TPM, and under the
machine's key (``/var/lib/systemd/credential.secret``) where there is none: then whoever has the whole disk has both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from hotspotd.errors import ProvisioningError, Reason

STORE: Final = Path("/etc/credstore.encrypted")
"""Where LoadCredentialEncrypted= looks for a file without a path."""
_TPM: Final = Path("/dev/tpmrm0")
_PREFIX: Final = "hotspotd."
_MOST: Final = 1024 * 1024
_TIMEOUT_S: Final = 60.0
_WHILE_SEALING: Final = "Where there is a TPM: apt-get install tpm2-tools. Or keep it in a file: --keep-key-in file."
_WHILE_OPENING: Final = "After a change of firmware or board the device is enrolled anew (docs/enrolment.md)."


def handed_over(name: str) -> bytes | None:
    """What systemd has handed over under ``name``; None where this process was not started with it.

    Raises ProvisioningError (UNREADABLE).
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    try:
        return (Path(folder) / name).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ProvisioningError(
            Reason.UNREADABLE, f"credential {name}: {error.strerror}", "Look at the unit: systemctl cat hotspotd."
        ) from error


def sealed_file(name: str, store: Path | None = None) -> Path:
    """Where the sealed credential ``name`` is kept."""
    return (store or STORE) / f"{_PREFIX}{name}"


def can_seal() -> bool:
    """Whether secrets can be sealed here: systemd runs this machine, and this is root."""
    return os.geteuid() == 0 and Path("/run/systemd/system").is_dir() and shutil.which("systemd-creds") is not None


def usual_key() -> str:
    """What secrets are sealed under on this machine.

    Not systemd-creds' own ``auto``: without a word it passes over a TPM that the firmware does not use, as on a
    Raspberry Pi, or whose libraries are missing.
    """
    return "host+tpm2" if _TPM.exists() else "host"


def seal(name: str, content: bytes, *, store: Path | None = None, key: str = "", pcrs: str = "", tpm: str = "") -> Path:
    """Seal ``content`` into the store, where it replaces what was there; returns the file. Blocks.

    ``key`` is systemd-creds' ``--with-key``, by default ``usual_key``; ``pcrs`` are the registers of the TPM that must
    not change, by default systemd's own choice; ``tpm`` is another TPM than the machine's. What was sealed is opened
    again before it counts.
    Raises ProvisioningError, OSError.
    """
    file = sealed_file(name, store)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    arguments = ["encrypt", f"--name={name}", f"--with-key={key or usual_key()}"]
    if pcrs:
        arguments.append(f"--tpm2-pcrs={pcrs}")
    if tpm:
        arguments.append(f"--tpm2-device={tpm}")
    sealed = _creds([*arguments, "-", "-"], content, f"secret {name}: could not be sealed", _WHILE_SEALING)
    made = file.with_name(f".{file.name}.new")
    made.unlink(missing_ok=True)
    with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:  # noqa: PTH123 - Its mode.
        stream.write(sealed)
        stream.flush()
        os.fsync(stream.fileno())
    if unseal(name, made, tpm) != content:
        raise ProvisioningError(Reason.DAMAGED, f"secret {name}: sealed, and opens as something else", "Try again.")
    made.replace(file)
    return file


def unseal(name: str, file: Path, tpm: str = "") -> bytes:
    """What is sealed in ``file`` under ``name``. Blocks. Raises ProvisioningError (NO_KEY)."""
    device = [f"--tpm2-device={tpm}"] if tpm else []
    failed = f"{file}: does not open on this machine"
    return _creds(["decrypt", f"--name={name}", *device, str(file), "-"], b"", failed, _WHILE_OPENING)


def _creds(arguments: list[str], content: bytes, failed: str, advice: str) -> bytes:
    program = shutil.which("systemd-creds")
    if program is None:
        raise ProvisioningError(Reason.NO_KEY, f"{failed}: there is no systemd-creds", "Keep the secret in a file.")
    try:
        done = subprocess.run(  # noqa: S603 - Arguments of our own.
            [program, *arguments], input=content, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ProvisioningError(Reason.NO_KEY, f"{failed}: systemd-creds hangs", "Is the TPM well?") from error
    if done.returncode or len(done.stdout) > _MOST:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise ProvisioningError(
            Reason.NO_KEY,
            f"{failed}: {said[-1][:200] if said else 'systemd-creds ended without a word'}",
            advice,
        )
    return done.stdout
