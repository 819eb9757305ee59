"""A mail host: aiosmtpd takes mail over STARTTLS or TLS, Dovecot gives it out by POP3 over TLS. Own ports and folders.

What happens to a mail in between, and what the host answers, is the test's to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import itertools
import os
import pwd
import shutil
import signal
import socket
import ssl
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

PASSWORD = "correct horse"  # noqa: S105  # Of this host, which lives as long as a test.
DOMAIN = "border.example"

_DOVECOT = """
base_dir = {run}
state_dir = {run}
log_path = {folder}/dovecot.log
protocols = pop3
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
mail_location = maildir:{folder}/mail/%n
mail_fsync = never
auth_mechanisms = plain
disable_plaintext_auth = yes
first_valid_uid = 1
default_login_user = {user}
default_internal_user = {user}
default_internal_group = {group}
pop3_uidl_format = %g
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%n
}}
service anvil {{
  chroot =
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = 0
  }}
  inet_listener pop3s {{
    port = {port}
    ssl = yes
  }}
}}
"""


@dataclass
class MailHost:
    """One host. ``files`` are its certificate and key."""

    files: tuple[Path, Path]
    accounts: tuple[str, ...]
    implicit_tls: bool = False
    starttls: bool = True
    folder: Path = field(default_factory=Path)
    smtp_port: int = 0
    pop3_port: int = 0
    passwords: str = PASSWORD
    """The password that submission takes."""
    on_delivery: Callable[[bytes], list[bytes]] = lambda mail: [mail]
    """What is delivered for a mail that was submitted."""
    answers: dict[str, list[str]] = field(default_factory=dict)
    """What is answered next to MAIL, RCPT and DATA instead of taking them."""
    most: int = 33_554_432
    unknown: set[str] = field(default_factory=set)
    """Accounts whose addresses are refused."""
    submitted: list[bytes] = field(default_factory=list)
    _connections: list[SMTP] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _dovecot: asyncio.subprocess.Process | None = None
    _names: itertools.count[int] = field(default_factory=itertools.count)

    async def start(self) -> None:
        """Listen with both."""
        await asyncio.to_thread(self._lay_out)
        await self.open_submission()
        self._dovecot = await asyncio.create_subprocess_exec(
            *("/usr/sbin/dovecot", "-F", "-c", str(self.folder / "dovecot.conf")), start_new_session=True
        )
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.pop3_port)
                    writer.transport.abort()
                    return
                await asyncio.sleep(0.02)

    async def open_submission(self) -> None:
        """Take mail, from now on."""
        loop = asyncio.get_running_loop()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.files)
        self._server = await loop.create_server(
            lambda: self._smtp(context), "127.0.0.1", self.smtp_port, ssl=context if self.implicit_tls else None
        )
        self.smtp_port = self._server.sockets[0].getsockname()[1]

    async def close_submission(self) -> None:
        """Take none."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def stop(self) -> None:
        """End both, and clean up."""
        await self.close_submission()
        if self._dovecot is not None and self._dovecot.returncode is None:
            # With all its processes: it would take a second to end them in good order.
            os.killpg(self._dovecot.pid, signal.SIGKILL)
            await self._dovecot.wait()
        await asyncio.to_thread(shutil.rmtree, self.folder)

    def hang_up(self) -> None:
        """End every connection, as hosts do with those on which nothing is said."""
        for connection in self._connections:
            if connection.transport is not None:
                connection.transport.abort()

    def deliver(self, account: str, mail: bytes) -> None:
        """Put a mail into a mailbox, after those that are there."""
        name = f"{next(self._names):08}.mail.host"
        for sub in ("tmp", "new", "cur"):
            self._own(self.folder / "mail" / account / sub)
        path = self.folder / "mail" / account / "tmp" / name
        path.write_bytes(mail)
        self._give(path)
        path.rename(path.parents[1] / "new" / name)

    def mails(self, account: str) -> list[Path]:
        """What is in a mailbox."""
        box = self.folder / "mail" / account
        return sorted(path for sub in ("new", "cur") for path in (box / sub).glob("*"))

    def _lay_out(self) -> None:
        user = "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._ids = pwd.getpwnam(user)
        # Not below the test's own folder, which an unprivileged user cannot enter.
        self.folder = Path(tempfile.mkdtemp(prefix="mailhost-"))
        self.folder.chmod(0o755)
        for file, source in zip(("host.pem", "host.key"), self.files, strict=True):
            shutil.copy(source, self.folder / file)
        (self.folder / "users").write_text("".join(f"{one}:{PASSWORD}\n" for one in self.accounts))
        for account in self.accounts:
            for sub in ("tmp", "new", "cur"):
                self._own(self.folder / "mail" / account / sub)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.pop3_port = free.getsockname()[1]
        (self.folder / "dovecot.conf").write_text(
            _DOVECOT.format(
                folder=self.folder,
                run=self.folder / "run",
                certificate=self.folder / "host.pem",
                key=self.folder / "host.key",
                user=user,
                group=grp.getgrgid(self._ids.pw_gid).gr_name,
                port=self.pop3_port,
            )
        )
        (self.folder / "run").mkdir()

    def _own(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for one in (folder, folder.parent, folder.parent.parent):
            self._give(one)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, self._ids.pw_uid, self._ids.pw_gid)

    def _smtp(self, context: ssl.SSLContext) -> SMTP:
        with warnings.catch_warnings():
            # It knows of no TLS but STARTTLS.
            warnings.filterwarnings("ignore", "Requiring AUTH while not requiring TLS")
            connection = SMTP(
                self,
                data_size_limit=self.most,
                hostname="mail.border.example",
                tls_context=context if self.starttls and not self.implicit_tls else None,
                require_starttls=self.starttls and not self.implicit_tls,
                auth_required=True,
                auth_require_tls=not self.implicit_tls,
                authenticator=self._authenticate,
            )
        self._connections.append(connection)
        return connection

    @property
    def connections(self) -> int:
        """How many there have been."""
        return len(self._connections)

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        known = data.login.decode() in self.accounts and data.password.decode() == self.passwords
        return AuthResult(success=known, handled=False)

    def _said(self, command: str) -> str | None:
        return self.answers[command].pop(0) if self.answers.get(command) else None

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's name.
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if said := self._said("MAIL"):
            return said
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name.
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if said := self._said("RCPT"):
            return said
        account = address.partition("@")[0]
        if account not in self.accounts or account in self.unknown:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if said := self._said("DATA"):
            return said
        mail = envelope.content
        assert isinstance(mail, bytes)
        self.submitted.append(mail)
        for one in self.on_delivery(mail):
            for address in envelope.rcpt_tos:
                self.deliver(address.partition("@")[0], one)
        return "250 queued"
