"""Debian's nats-server as a process of the test's own: mutual TLS, own port and folder, killed and wiped at will."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

from hotspotd.gateway.authority import Authority
from hotspotd.relay.links.tls import client_context
from tests.gateway.bench import Certificates

GATEWAY = "gateway-nats"
"""The name under which the gateway stands at the broker."""

_GUIDE = Path(__file__).resolve().parents[2] / "docs" / "relay-nats.md"


def _config(folder: Path, devices_ca: Path, port: int, devices: tuple[str, ...], max_payload: str) -> str:
    """The configuration that the guide shows, with this test's places and names in it."""
    shown = next(block for block in _GUIDE.read_text().split("```") if "jetstream" in block and "tls {" in block)
    before, user = shown.split('      { user: "CN=KIOSK-01"', 1)
    user, after = user.split("      } }\n", 1)
    user = f'      {{ user: "CN=KIOSK-01"{user}      }} }}\n'
    text = before + "".join(user.replace("KIOSK-01", device) for device in devices) + after
    for documented, here in (
        ("port: 4222", f"host: 127.0.0.1\nport: {port}"),
        ("max_payload: 8M", f"max_payload: {max_payload}"),
        ("/etc/nats/devices-ca.pem", str(devices_ca)),
        ("/etc/nats", str(folder)),
        ("/var/lib/nats", str(folder / "data")),
        ("CN=gateway-nats", f"CN={GATEWAY}"),
        ("max_file: 4G", "max_file: 256M"),
    ):
        assert documented in text
        text = text.replace(documented, here)
    return text


class Broker:
    """One broker. Its certificate is of an authority of its own: it must not be able to seal as the gateway."""

    def __init__(self, folder: Path, certificates: Certificates, devices: tuple[str, ...]) -> None:
        folder.mkdir()
        authority = Authority.create(folder, "broker authority")
        authority.issue_server(["localhost", "127.0.0.1"], file="broker")
        self.folder = folder
        self.anchor = authority.trust_anchor
        self.max_payload = "8M"
        self._certificates = certificates
        self._devices = devices
        self._process: Process | None = None
        self._reading: asyncio.Task[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def context(self, name: str) -> ssl.SSLContext:
        """For a client of this broker that has the certificate ``name``."""
        folder = self._certificates.folder
        return client_context(self.anchor, folder / f"{name}.pem", folder / f"{name}.key")

    async def start(self) -> None:
        config = self.folder / "nats.conf"
        text = await asyncio.to_thread(
            _config, self.folder, self._certificates.anchor, self.port, self._devices, self.max_payload
        )
        config.write_text(text)
        self._process = await asyncio.create_subprocess_exec(
            "nats-server", "-c", str(config), stdout=DEVNULL, stderr=PIPE
        )
        assert self._process.stderr is not None
        said = b""
        async with asyncio.timeout(30):
            while b"Server is ready" not in said:
                line = await self._process.stderr.readline()
                assert line, said.decode()
                said += line
        self._reading = asyncio.create_task(self._process.stderr.read())

    async def kill(self) -> None:
        """As kill -9 does."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            if self._reading is not None:
                await self._reading
            self._process = None

    def signal(self, number: int) -> None:
        """Stop it, or let it go on."""
        assert self._process is not None
        self._process.send_signal(number)

    def wipe(self) -> None:
        """Lose everything. Only while it does not run."""
        assert self._process is None
        shutil.rmtree(self.folder / "data")


def gateway_certificate(certificates: Certificates) -> None:
    """Issue the gateway's certificate for brokers, once: its own is for servers only."""
    if not (certificates.folder / f"{GATEWAY}.pem").exists():
        Authority.open(certificates.folder).issue_device(GATEWAY)
