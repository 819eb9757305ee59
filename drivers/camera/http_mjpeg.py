"""A network camera that sends Motion JPEG over HTTP.

Address: ``http://user:password@10.0.0.5:8080/video.cgi?size=vga#limit=5&ca=/etc/camera.pem``: options stand after
``#``, all before it is the camera's. ``limit`` [s] is how long it may take to answer and how long it may give no
picture; ``ca`` is the file of the certificate that an https camera is checked against (default: the system's).
Basic and Digest authentication are known. A redirection is not followed. A frame's time is that of its arrival.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import select
import socket
import ssl
import time
from urllib.parse import SplitResult, unquote, urlsplit

from drivers.address import DeviceAddress
from drivers.base import DeviceInfo, DriverError, DriverReason
from drivers.camera.http_login import basic, digest
from drivers.camera.jpeg import decode_jpeg, jpeg_size
from drivers.camera.live import LiveCamera, Picture, Source
from drivers.camera.mjpeg_stream import Answer, Chunks, Parts, read_answer
from drivers.worker import Token

_log = logging.getLogger(__name__)
_OPTIONS = frozenset({"limit", "ca"})
_LOOK_S = 0.05  # How long a read waits before it looks at its token.
_PIECE = 256 * 1024
# What is read at once to get at the newest picture; a sender faster than this is not followed for ever.
_DRAIN = 16
_GRAB_S = 1.0


class HttpMjpegCamera(LiveCamera):
    """One address."""

    def __init__(self, address: DeviceAddress) -> None:
        address.require(("http", "https"), _OPTIONS)
        limit_s = address.number("limit", 5.0, 0.1, 3600.0)
        source = _Stream(address, limit_s, address.options.get("ca"))
        super().__init__("http", str(address), source, limit_s, "look at the camera's own page")


class _Stream(Source):
    """One connection."""

    def __init__(self, address: DeviceAddress, limit_s: float, ca: str | None) -> None:
        self._address = address
        self._limit_s = limit_s
        self._ca = ca
        self._socket: socket.socket | None = None
        self._chunks: Chunks | None = None
        self._parts = Parts(b"")
        self._pending: list[bytes] = []
        self._warned = False

    def open(self, token: Token) -> DeviceInfo:
        until = time.monotonic() + self._limit_s
        self._warned = False
        self._pending = []
        held, answer, first = self._ask(token, until)
        self._chunks = Chunks() if answer.chunked else None
        self._parts = Parts(answer.boundary)
        self._take(first)
        # A camera that answers and gives nothing is not there: then the pauses between tries grow.
        while not self._pending:
            token.check()
            if time.monotonic() > until:
                raise self._late(f"no picture within {self._limit_s:g} s")
            self._take(self._read(held, _LOOK_S))
        size = jpeg_size(self._pending[-1])
        return DeviceInfo(
            "http-mjpeg",
            str(self._address),
            model=answer.server or "Motion JPEG over HTTP",
            details={
                "transport": "TLS" if self._address.scheme == "https" else "plain HTTP",
                "picture": f"{size[0]} x {size[1]}" if size else "unknown",
            },
        )

    def grab(self, token: Token) -> Picture | None:
        if self._socket is None:
            raise DriverError(DriverReason.LOST, f"the camera {self._address} is not open", "open it first")
        until = time.monotonic() + _GRAB_S
        while not self._pending:
            token.check()
            if time.monotonic() > until:
                return None
            self._take(self._read(self._socket, _LOOK_S))
        # Older pictures that lie ready are passed over: a lane wants to see what is, not what was.
        for _ in range(_DRAIN):
            data = self._read(self._socket, 0)
            if not data:
                break
            self._take(data)
        arrived_at = time.monotonic()
        part, self._pending = self._pending[-1], []
        pixels = decode_jpeg(part)
        if pixels is None:
            if not self._warned:
                _log.warning("%s: a picture of %d bytes that cannot be decoded; skipped", self._address, len(part))
                self._warned = True
            return None
        return Picture(pixels, arrived_at)

    def close(self) -> None:
        held, self._socket = self._socket, None
        self._pending = []
        if held is not None:
            with contextlib.suppress(OSError):
                held.close()

    def _ask(self, token: Token, until: float) -> tuple[socket.socket, Answer, bytes]:
        """Connect and ask for the stream, a second time with the password where the camera wants one."""
        held, answer, first = self._try(None, token, until)
        login = self._login(answer)
        if login is not None:
            self.close()
            held, answer, first = self._try(login, token, until)
        if answer.status != 200:
            raise self._refused(answer.status)
        return held, answer, first

    def _try(self, login: str | None, token: Token, until: float) -> tuple[socket.socket, Answer, bytes]:
        self._socket = held = self._connect(token, until)
        self._send(held, login, token, until)
        return held, *self._answer(held, token, until)

    def _login(self, answer: Answer) -> str | None:
        """What answers a 401: Digest where it is offered, for then the password itself is not sent."""
        parts = urlsplit(self._address.url)
        if answer.status != 401 or parts.username is None:
            return None
        user, password = unquote(parts.username), unquote(parts.password or "")
        for challenge in answer.challenges:
            login = digest(challenge, user, password, _target(parts), secrets.token_hex(8))
            if login is not None:
                return login
        wanted = any(challenge.strip().lower().startswith("basic") for challenge in answer.challenges)
        return basic(user, password) if wanted else None

    def _take(self, data: bytes) -> None:
        body = data if self._chunks is None else self._chunks.feed(data)
        # One picture is all that is kept, however many came at once.
        self._pending = (self._pending + self._parts.feed(body))[-1:]
        if not self._pending and (self._parts.ended or (self._chunks is not None and self._chunks.ended)):
            raise self._lost("the camera has ended its stream")

    def _lost(self, what: str) -> DriverError:
        return DriverError(DriverReason.LOST, f"{self._address}: {what}", "look at its cable and its supply")

    def _late(self, what: str) -> DriverError:
        return DriverError(DriverReason.TIMEOUT, f"{self._address}: {what}", "look at its cable, or raise limit=")

    def _connect(self, token: Token, until: float) -> socket.socket:
        parts = urlsplit(self._address.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        try:
            found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise DriverError(
                DriverReason.ABSENT, f"{self._address}: no such host", "give its number, or look at the name server"
            ) from error
        problem: OSError | None = None
        for family, kind, protocol, _, place in found:
            made = socket.socket(family, kind, protocol)
            try:
                self._reach(made, place, token, until)
                return self._secured(made, str(parts.hostname), token, until) if parts.scheme == "https" else made
            except OSError as error:
                made.close()
                problem = error
            except BaseException:
                made.close()
                raise
        raise DriverError(
            DriverReason.ABSENT, f"{self._address} cannot be reached ({problem})", "look at its cable and its number"
        ) from problem

    def _reach(self, made: socket.socket, place: object, token: Token, until: float) -> None:
        made.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            made.connect(place)  # type: ignore[arg-type]  # What getaddrinfo gave.
        while not select.select([], [made], [], _LOOK_S)[1]:
            token.check()
            if time.monotonic() > until:
                raise TimeoutError("no answer")
        if number := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(number, os.strerror(number))
        made.settimeout(_LOOK_S)

    def _secured(self, made: socket.socket, host: str, token: Token, until: float) -> socket.socket:
        secured: ssl.SSLSocket | None = None
        try:
            context = ssl.create_default_context(cafile=self._ca)
            secured = context.wrap_socket(made, server_hostname=host, do_handshake_on_connect=False)
            self._shake_hands(secured, token, until)
        except BaseException as error:
            if secured is not None:
                secured.close()
            if isinstance(error, ssl.SSLError):
                raise DriverError(
                    DriverReason.DENIED, f"{self._address}: {error.reason or 'no TLS'}", "give its certificate with ca="
                ) from error
            raise
        return secured

    @staticmethod
    def _shake_hands(secured: ssl.SSLSocket, token: Token, until: float) -> None:
        while True:
            token.check()
            try:
                secured.do_handshake()
            except TimeoutError:
                if time.monotonic() > until:
                    raise
            else:
                return

    def _send(self, held: socket.socket, login: str | None, token: Token, until: float) -> None:
        parts = urlsplit(self._address.url)
        target = _target(parts)
        host = parts.netloc.rpartition("@")[2]
        # HTTP/1.0, so that a server need not use chunks; some do all the same.
        lines = [f"GET {target} HTTP/1.0", f"Host: {host}", "Accept: multipart/x-mixed-replace", "User-Agent: hotspotd"]
        if login is not None:
            lines.append("Authorization: " + login)
        left = memoryview("\r\n".join([*lines, "", ""]).encode())
        while left:
            token.check()
            try:
                left = left[held.send(left) :]
            except TimeoutError as error:
                if time.monotonic() > until:
                    raise self._late("it does not take the question") from error
            except OSError as error:
                raise self._lost("the connection broke") from error

    def _answer(self, held: socket.socket, token: Token, until: float) -> tuple[Answer, bytes]:
        buffer = bytearray()
        while (answer := read_answer(buffer)) is None:
            token.check()
            if time.monotonic() > until:
                raise self._late(f"no answer within {self._limit_s:g} s")
            buffer += self._read(held, _LOOK_S)
        return answer, bytes(buffer)

    def _refused(self, status: int) -> DriverError:
        what = f"{self._address} answered {status}"
        match status:
            case 401 | 407:
                return DriverError(
                    DriverReason.PASSWORD, what, "put user:password@ before the host; only Basic is known"
                )
            case 403:
                return DriverError(DriverReason.DENIED, what, "allow this computer in the camera's settings")
            case 503:
                return DriverError(DriverReason.BUSY, what, "another program looks at it")
            case _:
                return DriverError(DriverReason.PROTOCOL, what, "look at the path of the address")

    def _read(self, held: socket.socket, wait_s: float) -> bytes:
        """What has come, at most ``wait_s`` seconds waited for; nothing where nothing came. Raises LOST at the end."""
        try:
            held.settimeout(wait_s)
            data = held.recv(_PIECE)
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return b""
        except OSError as error:
            raise self._lost("the connection broke") from error
        if not data:
            raise self._lost("the camera has closed the connection")
        return data


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
