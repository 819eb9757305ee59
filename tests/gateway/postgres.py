"""A PostgreSQL server of the tests' own: Debian's program, a folder that is removed, a socket and no port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Root may not run a server; Debian's package makes this account.
_ACCOUNT = "postgres"


class Cluster:
    """One server. ``url`` is that of a database, which is there after ``create``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0
        versions = Path("/usr/lib/postgresql").glob("*/bin")
        self._programs = max(versions, key=lambda path: float(path.parent.name))
        self._as: tuple[str, ...] = ()
        if os.geteuid() == 0:
            account = pwd.getpwnam(_ACCOUNT)
            os.chown(folder, account.pw_uid, account.pw_gid)
            self._as = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
        self._run("initdb", "-D", "data", "-U", "hotspotd", "--auth=trust", "--encoding=UTF8", "--locale=C")

    def start(self, *options: str) -> None:
        """Start it; ``options`` are the server's own."""
        settings = " ".join(("-k", str(self.folder), "-c", "listen_addresses=", *options))
        self._run("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", settings, "start")

    def stop(self) -> None:
        """Stop it as a power cut would, but for what its disk holds."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def create(self) -> str:
        """A new database; returns its URL."""
        self._made += 1
        name = f"gateway_{self._made}"
        self._run("createdb", "-h", str(self.folder), "-U", "hotspotd", name)
        return self.url(name)

    def url(self, name: str) -> str:
        """The URL of the database called ``name``."""
        return f"postgresql://hotspotd@/{name}?host={self.folder}"

    def ask(self, url: str, query: str) -> str:
        """What ``query`` gives, as text without any trimmings."""
        return self._run("psql", "--no-psqlrc", "-qAt", "-c", query, url)

    def _run(self, program: str, *arguments: str) -> str:
        command = (*self._as, str(self._programs / program), *arguments)
        # A file, as the server keeps what it is given open, and a pipe would never end.
        with (self.folder / "output").open("w+", encoding="utf-8") as output:
            done = subprocess.run(command, cwd=self.folder, stdout=output, stderr=output, check=False, timeout=60)
            output.seek(0)
            said = output.read().strip()
        assert done.returncode == 0, f"{program}: {said}"
        return said


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server that runs, in a folder whose path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        made = Cluster(Path(folder))
        made.start()
        try:
            yield made
        finally:
            made.stop()
            shutil.rmtree(made.folder / "data")
