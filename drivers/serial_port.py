"""Opening a serial port, and what its failures mean to whoever stands beside it.

The port is opened for this process alone (flock), 8 data bits, 1 stop bit, no flow control, so that a real port, a
USB adapter and a pty behave alike: pyserial itself passes over the ENOTTY that a pty gives for DTR and RTS, and
the EINVAL that it gives for parity is passed over here.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import termios
from collections.abc import Iterator

import serial

from drivers.base import DriverError, DriverReason

_log = logging.getLogger(__name__)

# A read returns after this at the latest, so that its thread sees soon that nobody waits any more.
READ_S = 0.05
# Commands are a few bytes: a port that does not take them in a second takes nothing (a hung USB adapter).
WRITE_S = 1.0
_CHUNK = 4096


def open_port(path: str, baud: int, parity: str = "N") -> serial.Serial:
    """The opened port. Raises DriverError (ABSENT, DENIED, BUSY, BAD_ADDRESS)."""
    try:
        return _open(path, baud, parity)
    except termios.error as error:
        if parity == "N" or error.args[0] != errno.EINVAL:
            raise open_failure(path, error.args[0]) from error
        _log.info("%s takes no parity (a pty has none); going on without", path)
    except serial.SerialException as error:
        raise open_failure(path, error.errno) from error
    except ValueError as error:
        raise DriverError(DriverReason.BAD_ADDRESS, f"settings of {path}", str(error)) from error
    return open_port(path, baud)


def _open(path: str, baud: int, parity: str) -> serial.Serial:
    return serial.Serial(
        path, baud, parity=parity, timeout=READ_S, write_timeout=WRITE_S, exclusive=True, rtscts=False, dsrdtr=False
    )


def open_failure(path: str, number: int | None) -> DriverError:
    """What the errno of a failed open means; ``None`` where pyserial gives none: not a serial port."""
    match number:
        case errno.EACCES | errno.EPERM:
            return DriverError(
                DriverReason.DENIED,
                f"no permission to use {path}",
                "add the user to the group that owns it (often dialout) and log in again",
            )
        case errno.EBUSY | errno.EWOULDBLOCK:
            return DriverError(
                DriverReason.BUSY,
                f"{path} is in use by another program",
                f"find it with: fuser {path} (ModemManager takes new serial ports)",
            )
        case errno.ENOTTY | errno.EISDIR | errno.EINVAL | None:
            return DriverError(
                DriverReason.BAD_ADDRESS, f"{path} is not a serial port", "name the device, such as /dev/ttyUSB0"
            )
        case _:
            return DriverError(DriverReason.ABSENT, f"there is no device at {path}", "plug it in, or correct its path")


@contextlib.contextmanager
def losses(path: str, device: str) -> Iterator[None]:
    """Turn what pyserial raises for a device that has gone into DriverError (LOST)."""
    try:
        yield
    # SerialException is an OSError; termios.error is not.
    except (OSError, termios.error) as error:
        raise lost(path, device) from error


def lost(path: str, device: str) -> DriverError:
    """The device at ``path`` has gone."""
    return DriverError(DriverReason.LOST, f"the {device} at {path} has gone", f"check the cable of {path}")


def read_some(port: serial.Serial) -> bytes:
    """What has come, waiting at most READ_S for the first byte; at most 4096 bytes."""
    data: bytes = port.read(max(1, min(port.in_waiting, _CHUNK)))
    return data
