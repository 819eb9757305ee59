"""Finding the speed at which an R30x module speaks, and changing it. Blocking: for a device's own thread.

The module keeps its speed without power. So one that was left fast, by a daemon that was killed, is found again by
trying; and it is set back on closing, for whatever else is used with it. Source: R30X manual, SetSysPara: the
acknowledgement still comes at the old speed.
"""

from __future__ import annotations

import logging

import serial

from drivers.base import DriverError, DriverReason
from drivers.fingerprint.r30x_session import BAUD_STEP, EndlessError, Parameters, Session
from drivers.worker import Token

_log = logging.getLogger(__name__)

# What serial adapters have of the multiples of 9600 up to the module's highest, the likeliest first: as delivered,
# as left by this driver, the others.
SPEEDS = (57_600, 115_200, 9_600, 19_200, 38_400)
HIGHEST = 115_200
# A module at this speed answers within milliseconds; three times what a USB adapter and a loaded Pi add.
_PROBE_S = 0.3


def find(port: serial.Serial, session: Session, token: Token) -> Parameters:
    """Greet the module at the port's speed, else at the first other one where it answers.

    Raises DriverError as ``Session.greet`` does at the port's own speed where none is right.
    """
    named = port.baudrate
    try:
        return session.greet(token)
    except EndlessError:
        raise
    except DriverError as error:
        if error.reason not in (DriverReason.TIMEOUT, DriverReason.PROTOCOL):
            raise
        first = error
    for speed in SPEEDS:
        if speed == named:
            continue
        port.baudrate = speed
        if (parameters := _greeted(session, token)) is not None:
            _log.info("%s speaks at %d baud, not at %d", port.name, speed, named)
            return parameters
    port.baudrate = named
    raise first


def change(port: serial.Serial, session: Session, token: Token, baud: int) -> bool:
    """Have module and port go on at ``baud``; False where it stays as it was, which is no fault.

    Raises DriverError where the module is heard at neither speed afterwards.
    """
    before: int = port.baudrate
    if baud == before or baud % BAUD_STEP:
        return baud == before
    try:
        taken = session.set_speed(token, baud)
    except DriverError as error:
        if error.reason not in (DriverReason.TIMEOUT, DriverReason.PROTOCOL):
            raise
        taken = True  # Its answer may have been lost: hear what it does.
    if taken:
        port.baudrate = baud
        if _greeted(session, token) is not None:
            return True
        port.baudrate = before
        session.greet(token)
    return False


def _greeted(session: Session, token: Token) -> Parameters | None:
    try:
        return session.greet(token, tries=2, answer_s=_PROBE_S)
    except EndlessError:
        raise
    except DriverError as error:
        if error.reason in (DriverReason.TIMEOUT, DriverReason.PROTOCOL):
            return None
        raise
