"""Giving a mail to the mail host by SMTP (RFC 6409), over TLS from the start or by STARTTLS.

Raises RelayError. A mail host is not the gateway: that it refuses one mail, or all, says nothing about the message, so
it is never BAD_TRANSACTION. LINK_DOWN (nobody answers), LINK_REFUSED (certificate, no TLS, login, addresses),
LINK_PROTOCOL (it does not take this mail, or none just now).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import aiosmtplib

from hotspotd.errors import Reason, RelayError
from hotspotd.relay.links.base import Pace
from hotspotd.relay.links.flow import UnderWay, unacknowledged
from hotspotd.relay.mail.host import SLOWEST_BYTES_PER_S, MailHost
from hotspotd.relay.mail.smime import Envelope

logger = logging.getLogger(__name__)

_PIECE = 2 * 1024
_MOST_IDLE = 2
_LOOK_EVERY_S = 0.02
_CHECK_ADDRESSES = "Check the addresses, and whether the mail host lets this account use them."


class Submission:
    """Submits to one mail host. A connection is used again for the next mail, since a new one takes ten round trips.

    There are as many as are needed at once: a mail that waits for a more urgent one must not hold that up.
    """

    def __init__(self, host: MailHost, domain: str) -> None:
        self._host = host
        self._domain = domain
        """What EHLO says: the domain of the sender's address."""
        self._idle: list[aiosmtplib.SMTP] = []

    def move(self, host: MailHost) -> None:
        """Connect to ``host`` from now on, or as it says."""
        self._host = host
        self.close()

    def close(self) -> None:
        """Let go of the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    async def probe(self) -> None:
        """Whether the host would take mail."""
        async with self._connected() as client:
            await client.noop()

    async def submit(self, mail: bytes, envelope: Envelope, pace: Pace) -> None:
        """Give it ``mail``, whose lines end with CRLF and begin with no dot. It is on its way when this returns."""
        async with self._connected() as client:
            most = client.esmtp_extensions.get("size", "")
            if most.isdigit() and 0 < int(most) < len(mail):
                raise RelayError(Reason.LINK_PROTOCOL, f"mail host: takes no mail of {len(mail)} bytes")
            await client.mail(envelope.sender, options=[f"SIZE={len(mail)}"] if most else [])
            await client.rcpt(envelope.to)
            await self._data(client, mail, pace)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[aiosmtplib.SMTP]:
        with _told():
            client = await self._reused() or await self._opened()
            try:
                yield client
            except BaseException:
                client.close()
                raise
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(client)
        else:
            client.close()

    async def _reused(self) -> aiosmtplib.SMTP | None:
        while self._idle:
            client = self._idle.pop()
            try:
                await client.rset()
            except (aiosmtplib.SMTPException, OSError) as error:
                # The host has ended it, as it may: a new one shows whether it is there.
                logger.debug("mail host: a connection was over (%s)", type(error).__name__)
                client.close()
            else:
                return client
        return None

    async def _opened(self) -> aiosmtplib.SMTP:
        host, endpoint = self._host, self._host.submission
        client = aiosmtplib.SMTP(
            hostname=endpoint.host,
            port=endpoint.port,
            use_tls=endpoint.implicit_tls,
            start_tls=not endpoint.implicit_tls,
            tls_context=host.context,
            timeout=host.timeout_s,
            local_hostname=self._domain,
        )
        try:
            await client.connect()
            await client.ehlo()
            # A host that knows its accounts by their certificates need not offer a login.
            if client.supports_extension("auth"):
                await client.login(host.login.user, host.login.password)
        except BaseException:
            client.close()
            raise
        return client

    async def _data(self, client: aiosmtplib.SMTP, mail: bytes, pace: Pace) -> None:
        """DATA in pieces, as fast as ``pace`` and the line allow: the library would write it in one go."""
        response = await client.execute_command(b"DATA")
        protocol = client.protocol
        if response.code != aiosmtplib.SMTPStatus.start_input or protocol is None:
            raise aiosmtplib.SMTPDataError(response.code, response.message)
        loop = asyncio.get_running_loop()
        under_way = UnderWay(unacknowledged(protocol.transport), loop.time)
        for start in range(0, len(mail), _PIECE):
            piece = mail[start : start + _PIECE]
            await pace(len(piece))
            protocol.write(piece)
            under_way.sent(len(piece))
            await self._room(under_way)
        protocol.write(b".\r\n")
        response = await protocol.read_response(timeout=self._host.timeout_s + len(mail) / SLOWEST_BYTES_PER_S)
        if response.code != aiosmtplib.SMTPStatus.completed:
            raise aiosmtplib.SMTPDataError(response.code, response.message)

    async def _room(self, under_way: UnderWay) -> None:
        """Until the line has taken enough of what it was given. Raises TimeoutError where it takes nothing."""
        loop = asyncio.get_running_loop()
        taken, since = under_way.taken(), loop.time()
        while not under_way.room():
            await asyncio.sleep(_LOOK_EVERY_S)
            if (now := under_way.taken()) > taken:
                taken, since = now, loop.time()
            elif loop.time() - since > self._host.timeout_s:
                raise TimeoutError


@contextmanager
def _told() -> Iterator[None]:
    """The library's errors as RelayError. What the host says is not passed on: it may repeat addresses."""
    try:
        yield
    except aiosmtplib.SMTPAuthenticationError as error:
        raise _refusal(error.code, "the login is refused", "Check user and password.") from error
    except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPRecipientRefused) as error:
        raise _refusal(error.code, "an address is refused", _CHECK_ADDRESSES) from error
    except aiosmtplib.SMTPResponseException as error:
        raise RelayError(Reason.LINK_PROTOCOL, f"mail host: does not take a mail ({error.code})") from error
    except (aiosmtplib.SMTPTimeoutError, aiosmtplib.SMTPConnectError, aiosmtplib.SMTPServerDisconnected) as error:
        if isinstance(error.__cause__, ssl.SSLCertVerificationError):
            raise _untrusted() from error
        raise RelayError(Reason.LINK_DOWN, f"mail host: no answer ({type(error).__name__})") from error
    except aiosmtplib.SMTPException as error:
        # STARTTLS or a way to log in that is not offered.
        raise RelayError(
            Reason.LINK_REFUSED, f"mail host: lacks what is needed ({type(error).__name__})", "It must offer STARTTLS."
        ) from error
    except ssl.SSLCertVerificationError as error:
        raise _untrusted() from error
    except OSError as error:  # TimeoutError too.
        raise RelayError(Reason.LINK_DOWN, f"mail host: the connection broke ({type(error).__name__})") from error


def _refusal(code: int, what: str, advice: str) -> RelayError:
    """4xx is for now (RFC 5321, 4.2.1), and 552 for one mail; anything else will not change by itself."""
    if code < 500 or code == 552:
        return RelayError(Reason.LINK_PROTOCOL, f"mail host: does not take a mail now ({code})")
    return RelayError(Reason.LINK_REFUSED, f"mail host: {what} ({code})", advice)


def _untrusted() -> RelayError:
    return RelayError(
        Reason.LINK_REFUSED, "mail host: its certificate does not count", "Check the mail host's trust anchors."
    )
