"""One session with a mailbox by POP3 (RFC 1939) over TLS: numbers, sizes, headers, mails, deletion.

The standard library's client blocks a thread, takes an answer of any length and waits for each byte anew; this one is
bounded in both. Raises RelayError: LINK_DOWN, LINK_REFUSED (certificate, login), LINK_PROTOCOL.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.mail.host import SLOWEST_BYTES_PER_S, MailHost

_END = b"\r\n.\r\n"
_LONGEST_LINE = 1024  # 512 by RFC 2449, 4
_CHUNK = 64 * 1024
# Some hundred thousand mails: a mailbox with more needs a person.
_LONGEST_LIST = 8 * 1024 * 1024
_LONGEST_HEAD = 64 * 1024
# RFC 1939, 7; RFC 2449, 8 and RFC 3206: the host cannot just now, whoever asks.
_UID = re.compile(rb"(\d{1,9}) ([!-~]{1,70})")
_SIZE = re.compile(rb"(\d{1,9}) (\d{1,12})\b.*")
_PASSING = (b"[IN-USE]", b"[SYS/TEMP]", b"[LOGIN-DELAY]")


@dataclass(frozen=True, slots=True)
class Listed:
    """A mail in the mailbox: its number in this session, its name in all sessions, its bytes."""

    number: int
    uid: str
    size: int


@asynccontextmanager
async def session(host: MailHost) -> AsyncIterator[Pop3]:
    """A session that is logged in. What was deleted is gone only after ``Pop3.quit``."""
    endpoint, writer = host.mailbox, None
    try:
        async with asyncio.timeout(host.timeout_s):
            reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=host.context, limit=_CHUNK)
        pop3 = Pop3(reader, writer, host.timeout_s)
        await pop3.login(host)
        yield pop3
    except TimeoutError as error:
        raise RelayError(Reason.LINK_DOWN, "mailbox: no answer in time") from error
    except ssl.SSLCertVerificationError as error:
        raise RelayError(
            Reason.LINK_REFUSED, "mailbox: its certificate does not count", "Check the mail host's trust anchors."
        ) from error
    except (OSError, asyncio.IncompleteReadError) as error:
        raise RelayError(Reason.LINK_DOWN, f"mailbox: the connection broke ({type(error).__name__})") from error
    except asyncio.LimitOverrunError as error:
        raise RelayError(Reason.LINK_PROTOCOL, "mailbox: does not speak POP3") from error
    finally:
        if writer is not None:
            writer.transport.abort()


class Pop3:
    """The commands. Make it with ``session``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, timeout_s: float) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout_s = timeout_s

    async def login(self, host: MailHost) -> None:
        """After the greeting."""
        await self._answer()
        try:
            await self._command(f"USER {host.login.user}")
            await self._command(f"PASS {host.login.password}")
        except HostRefusalError as error:
            if error.said.startswith(_PASSING):
                raise RelayError(Reason.LINK_PROTOCOL, "mailbox: cannot be opened just now") from error
            raise RelayError(
                Reason.LINK_REFUSED, "mailbox: the login is refused", "Check user and password."
            ) from error

    async def listing(self) -> list[Listed]:
        """What is in the mailbox, oldest first."""
        sizes = {int(n): int(size) for n, size in await self._table("LIST", _SIZE)}
        return [
            Listed(int(n), uid.decode("ascii"), sizes[int(n)])
            for n, uid in await self._table("UIDL", _UID)
            if int(n) in sizes
        ]

    async def headers(self, number: int) -> bytes:
        """The headers of a mail; none where the host does not tell them without the rest."""
        try:
            return await self._lines(f"TOP {number} 0", _LONGEST_HEAD)
        except HostRefusalError:
            return b""

    async def retrieve(self, listed: Listed) -> bytes:
        """A mail, which is of the size that was listed, give or take some. Raises HostRefusalError."""
        return await self._lines(f"RETR {listed.number}", listed.size + _LONGEST_HEAD)

    async def delete(self, number: int) -> None:
        """Delete a mail, with the end of the session."""
        await self._command(f"DELE {number}")

    async def quit(self) -> None:
        """End the session: what was deleted is gone now."""
        await self._command("QUIT")

    async def _command(self, line: str) -> None:
        self._writer.write(line.encode("ascii") + b"\r\n")
        async with asyncio.timeout(self._timeout_s):
            await self._writer.drain()
        await self._answer()

    async def _answer(self) -> None:
        async with asyncio.timeout(self._timeout_s):
            line = await self._reader.readuntil(b"\r\n")
        if len(line) > _LONGEST_LINE or not line.startswith((b"+OK", b"-ERR")):
            raise RelayError(Reason.LINK_PROTOCOL, "mailbox: does not speak POP3")
        if line.startswith(b"-ERR"):
            raise HostRefusalError(line[5:].strip())

    async def _table(self, command: str, row: re.Pattern[bytes]) -> list[tuple[bytes, bytes]]:
        found = [row.fullmatch(line) for line in (await self._lines(command, _LONGEST_LIST)).splitlines()]
        if None in found:
            raise RelayError(Reason.LINK_PROTOCOL, f"mailbox: its answer to {command} cannot be read")
        return [(match[1], match[2]) for match in found if match is not None]

    async def _lines(self, command: str, most: int) -> bytes:
        """The lines after the first of an answer of several (RFC 1939, 3), at most ``most`` bytes."""
        await self._command(command)
        # As if a line had ended before: an answer without any line is only the dot.
        answer = bytearray(b"\r\n")
        async with asyncio.timeout(self._timeout_s + most / SLOWEST_BYTES_PER_S):
            while not answer.endswith(_END):
                async with asyncio.timeout(self._timeout_s):
                    chunk = await self._reader.read(_CHUNK)
                if not chunk:
                    raise RelayError(Reason.LINK_DOWN, "mailbox: hung up")
                answer += chunk
                if len(answer) > most + _CHUNK:
                    raise RelayError(Reason.LINK_PROTOCOL, "mailbox: sends more than it should")
        return bytes(answer[: len(answer) - 3]).replace(b"\r\n..", b"\r\n.")[2:]


class HostRefusalError(RelayError):
    """The host refuses one command; the session goes on."""

    def __init__(self, said: bytes) -> None:
        # What it says may name the user.
        super().__init__(Reason.LINK_PROTOCOL, "mailbox: the host refuses a command")
        self.said = said
