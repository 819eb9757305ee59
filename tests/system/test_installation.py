"""``scripts/install`` in a real Debian with its own PID 1: installed, run, hung, upgraded, rolled back, taken off."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotspotd.gateway.publication.key_ring import KINDS, ONLINE, KeyRing, make_keys
from hotspotd.gateway.publication.repository import Repository
from hotspotd.gateway.publication.software import publish_software
from hotspotd.updates import bundle as bundles
from hotspotd.updates import making
from hotspotd.updates.bundle import Bundle
from tests.system.container import CONFIG, PYTHONS, VENV, Container, booted

pytestmark = pytest.mark.system

ROOT = Path(__file__).resolve().parents[2]


WISHES = "/var/lib/hotspotd/software"
GATEWAY = """
[bureau]
country = "SVN"
[server]
host = "127.0.0.1"
port = 8443
certificate = "/etc/hotspotd/tls/gateway.pem"
key = "/etc/hotspotd/tls/gateway.key"
trust_anchors = "/etc/hotspotd/tls/ca.pem"
[store]
database = "gateway.db"
uploads = "uploads"
[watchlist]
folder = "watchlist"
[software]
folder = "software"
keys = "software-keys"
"""

LISTED = {"reference": "UTO/1", "notice": "red", "owner": "UTO", "surname": "ERIKSSON", "birth_date": "1974-08-12"}
"""A gateway does not start without a list."""


@pytest.fixture(scope="module", params=sorted(PYTHONS))
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A suite, and a bundle of this checkout for it."""
    path = tmp_path_factory.mktemp("bundle") / "hotspotd.tar"
    making.make(ROOT, path, bundles.machine(), PYTHONS[request.param])
    return request.param, path


@pytest.fixture(scope="module")
def kiosk(bundle: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    """A booted machine with the bundle in /root, unpacked for its installer."""
    suite, path = bundle
    with booted(suite, tmp_path_factory.mktemp("machine")) as container:
        (container.root / "root/hotspotd.tar").write_bytes(path.read_bytes())
        container.run("tar", "-xf", "/root/hotspotd.tar", "-C", "/root", "release")
        yield container


def install(kiosk: Container, *options: str, fails: bool = False) -> str:
    return kiosk.run("/root/release/scripts/install", *options, fails=fails)


def test_it_installs_without_a_network_and_once(kiosk: Container) -> None:
    said = install(kiosk, "--offline", "/root/hotspotd.tar")
    assert "wrote /etc/systemd/system/hotspotd.service" in said
    assert "not enrolled" in said
    again = install(kiosk, "--offline", "/root/hotspotd.tar")
    assert "wrote" not in again
    assert kiosk.run("hotspotctl", "--version").startswith("hotspotctl ")
    assert kiosk.shows("hotspotd-boot-check.service", "UnitFileState") == "enabled"
    assert kiosk.shows("hotspotd-update.path", "UnitFileState") == "enabled"


def test_the_daemon_becomes_ready_under_systemd(kiosk: Container) -> None:
    (kiosk.root / "etc/hotspotd/hotspotd.toml").write_text(CONFIG)
    kiosk.run(f"{VENV}/python", "-m", "hotspotd.gateway.authority", "/etc/hotspotd/tls", "--device", "kiosk")
    assert "the daemon is ready" in install(kiosk, "--offline", "/root/hotspotd.tar")
    assert kiosk.shows("hotspotd.service", "Type") == "notify"
    assert kiosk.shows("hotspotd.service", "ActiveState") == "active"
    # What the daemon itself told with READY=1.
    assert re.search("screens on port 8480|1 lanes", kiosk.shows("hotspotd.service", "StatusText"))


def test_the_sandbox_is_on(kiosk: Container) -> None:
    pid = kiosk.shows("hotspotd.service", "MainPID")
    status = dict(
        line.split(":\t", 1) for line in kiosk.run("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line
    )
    assert status["Seccomp"].strip() == "2"
    assert status["NoNewPrivs"].strip() == "1"
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["Uid"].split()[0] == kiosk.run("id", "-u", "hotspotd").strip() != "0"
    score = kiosk.run("systemd-analyze", "security", "--no-pager", "hotspotd.service")
    found = re.search(r"Overall exposure level for hotspotd.service: ([0-9.]+)", score)
    assert found is not None, score
    assert float(found[1]) <= 1.5, score
    # The picture decoder answered when the daemon started: its limits can be set and it can run in the sandbox.
    group = kiosk.shows("hotspotd.service", "ControlGroup")
    pids = kiosk.run("cat", f"/sys/fs/cgroup{group}/cgroup.procs").split()
    programs = [kiosk.run("cat", f"/proc/{one}/cmdline") for one in pids]
    assert any("decoder_child" in program for program in programs), programs
    inside = ["nsenter", "-t", pid, "-m", "--", "touch"]
    for place in ("/etc/hotspotd/x", "/opt/hotspotd/x", "/usr/x"):
        assert "Read-only file system" in kiosk.run(*inside, place, fails=True)


def test_nothing_listens_but_the_console(kiosk: Container) -> None:
    pid = kiosk.shows("hotspotd.service", "MainPID")
    inodes = set(re.findall(r"socket:\[(\d+)\]", kiosk.run("ls", "-l", f"/proc/{pid}/fd")))
    listening = []
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in kiosk.run("cat", f"/proc/{pid}/net/{table}").splitlines()[1:]:
            local, state, inode = (line.split()[column] for column in (1, 3, 9))
            # TCP_LISTEN is 0A; a bound UDP socket is 07.
            if inode in inodes and (state == "0A" or table.startswith("udp")):
                listening.append((table, local))
    assert listening == [("tcp", f"0100007F:{8480:04X}")]


def test_a_hung_daemon_is_started_anew(kiosk: Container) -> None:
    pid = kiosk.shows("hotspotd.service", "MainPID")
    kiosk.run("systemctl", "kill", "--signal=STOP", "hotspotd.service")
    kiosk.waits_until("hotspotd.service", "NRestarts", other_than="0")
    kiosk.run("systemctl", "start", "hotspotd.service")  # Returns when it is ready.
    assert kiosk.shows("hotspotd.service", "MainPID") != pid
    assert "Watchdog timeout" in kiosk.run("journalctl", "-u", "hotspotd", "--no-pager")


def test_the_data_key_moves_from_its_file_into_a_sealed_credential(kiosk: Container) -> None:
    file = "/var/lib/hotspotd/records.sqlite.data-key"
    enrolled = CONFIG.partition("trust_anchors")[0] + 'identity = "/var/lib/hotspotd/identity"\n'
    (kiosk.root / "root/enrolled.toml").write_text(enrolled)
    command = ("hotspotctl", "device", "seal", "--config", "/root/enrolled.toml", "--data-key-file", file)
    said = kiosk.run(*command)
    assert "data-key: sealed in /etc/credstore.encrypted/hotspotd.data-key" in said
    assert "device-key: there is none" in said
    # Without the key it would not open its records, and it makes no other one.
    kiosk.run("systemctl", "restart", "hotspotd.service")
    assert kiosk.shows("hotspotd.service", "ActiveState") == "active"
    kiosk.run("test", "-e", file, fails=True)


def other_version(bundle: Path, folder: Path, version: str, unit_change: tuple[str, str]) -> Path:
    """The bundle with another name and a changed unit."""
    content = bundles.unpack(bundle, folder)
    unit = folder / "release/systemd/hotspotd.service"
    before, after = unit_change
    assert before in unit.read_text()
    unit.write_text(unit.read_text().replace(before, after))
    bundles.pack(Bundle(version, content.architecture, content.python), folder, folder.with_suffix(".tar"))
    return folder.with_suffix(".tar")


@pytest.mark.parametrize(
    ("version", "change", "kept"),
    [
        ("0.1.0+bad", ("--config /etc/hotspotd/hotspotd.toml", "--config /nowhere"), False),
        ("0.1.0+good", ("Description=Border kiosk: lanes", "Description=Border kiosk, newer: lanes"), True),
    ],
)
def test_a_version_that_does_not_become_ready_goes_back(
    kiosk: Container, bundle: tuple[str, Path], tmp_path: Path, version: str, change: tuple[str, str], kept: bool
) -> None:
    before = kiosk.run("readlink", "/opt/hotspotd/current").strip()
    path = other_version(bundle[1], tmp_path / "other", version, change)
    subprocess.run(["cp", str(path), str(kiosk.root / "root/other.tar")], check=True)
    # As much patience as a test needs.
    drop_in = kiosk.root / "etc/systemd/system/hotspotd-boot-check.service.d/test.conf"
    drop_in.parent.mkdir(exist_ok=True)
    drop_in.write_text("[Service]\nEnvironment=HOTSPOTD_READY_S=25 HOTSPOTD_HOLD_S=3\n")
    install(kiosk, "--offline", "/root/other.tar", fails=not kept)
    after = kiosk.run("readlink", "/opt/hotspotd/current").strip()
    assert after == (f"versions/{version}" if kept else before)
    assert not (kiosk.root / "opt/hotspotd/trial").exists()
    kiosk.run("systemctl", "start", "hotspotd.service")
    assert ("newer" in kiosk.shows("hotspotd.service", "Description")) == kept
    assert change[1] not in (kiosk.root / "etc/systemd/system/hotspotd.service").read_text() or kept


def wished(kiosk: Container, *wish: str) -> str:
    """Wish as the daemon does: its program, its user, its view of the system, in which nspawn's own /proc is hidden.

    What root tells when it has obeyed.
    """
    view = [f"--property={one}" for one in ("ProtectProc=invisible", "ProtectKernelTunables=yes", "PrivateMounts=yes")]
    does = (
        "import sys; from hotspotd.updates import wishes as w;"
        "new = w.new_wish(*sys.argv[1:]); w.write_wish(w.WISHES, new); print(new.id)"
    )
    unit_of_daemon = ("systemd-run", "-q", "--wait", "--pipe", "--uid=hotspotd", "--property=UMask=0077", *view)
    number = kiosk.run(*unit_of_daemon, f"{VENV}/python", "-c", does, *wish).split()[-1]
    return kiosk.waits_for(
        Path("run/hotspotd-update/outcome.json"), lambda text: number in text and '"doing"' not in text
    )


def test_a_wish_of_the_daemon_brings_the_version_before_back(kiosk: Container) -> None:
    assert kiosk.shows("hotspotd-update.path", "ActiveState") == "active"
    before = json.loads(kiosk.run("hotspotctl", "update", "status", "--json"))
    (other,) = set(before["versions"]) - {before["current"]}
    # The one that is kept is the one that was put back before: bad by its unit alone, which is mended.
    unit = kiosk.root / f"opt/hotspotd/versions/{other}/release/systemd/hotspotd.service"
    unit.write_text(unit.read_text().replace("--config /nowhere", "--config /etc/hotspotd/hotspotd.toml"))
    outcome = wished(kiosk, "roll-back", other)
    told = json.loads(outcome)
    assert (told["state"], told["running"], told["before"]) == ("done", other, before["current"]), kiosk.journal()
    assert kiosk.run("readlink", "/opt/hotspotd/current").strip() == f"versions/{other}"
    assert kiosk.shows("hotspotd.service", "ActiveState") == "active"
    assert kiosk.shows("hotspotd-update.path", "ActiveState") == "active"
    daemon = ("setpriv", "--reuid=hotspotd", "--regid=hotspotd", "--clear-groups")
    # The daemon may read what came of it, and not write it.
    assert kiosk.run(*daemon, "cat", "/run/hotspotd-update/outcome.json") == outcome
    kiosk.run(*daemon, "touch", "/run/hotspotd-update/outcome.json", fails=True)
    # What is no wish is answered, and done nothing for.
    kiosk.run("ln", "-s", "/etc/shadow", f"{WISHES}/wish.json")
    outcome = kiosk.waits_for(Path("run/hotspotd-update/outcome.json"), lambda text: '"failed"' in text)
    assert "cannot be opened" in json.loads(outcome)["words"]
    assert kiosk.run("readlink", "/opt/hotspotd/current").strip() == f"versions/{other}"
    assert "root" in kiosk.run("cat", "/etc/shadow")


def test_a_wish_of_the_daemon_puts_what_a_gateway_publishes_in_force(
    kiosk: Container, bundle: tuple[str, Path], tmp_path: Path
) -> None:
    change = ("Description=Border kiosk: lanes", "Description=Border kiosk, published: lanes")
    path = other_version(bundle[1], tmp_path / "other", "0.1.0+published", change)
    signers = {kind: make_keys(tmp_path / "keys" / kind, kind, 1) for kind in KINDS}
    ring = KeyRing([signer for made in signers.values() for signer in made])
    repository = Repository(kiosk.root / "root/software")
    repository.create({kind: [one.public_key for one in made] for kind, made in signers.items()}, {}, ring)
    publish_software(repository, path, ring)
    shutil.copytree(tmp_path / "keys" / ONLINE, kiosk.root / "root/software-keys")
    tls = "/etc/hotspotd/tls"
    kiosk.run(f"{VENV}/python", "-m", "hotspotd.gateway.authority", tls, "--server", "127.0.0.1")
    (kiosk.root / "root/gateway.toml").write_text(GATEWAY)
    (kiosk.root / "root/source").mkdir()
    (kiosk.root / "root/source/records.jsonl").write_text(json.dumps(LISTED))
    kiosk.run("hotspotctl", "watchlist", "build", "/root/source", "/root/watchlist", "--without-faces")
    serve = ("systemd-run", "-q", "--unit=gateway", "--property=Type=exec", "--property=WorkingDirectory=/root")
    kiosk.run(*serve, f"{VENV}/python", "-m", "hotspotd.gateway", "--config", "/root/gateway.toml")
    kiosk.waits_for(Path("proc/net/tcp"), lambda text: f"0100007F:{8443:04X} 00000000:0000 0A" in text)
    shutil.copy(repository.metadata / "1.root.json", kiosk.root / "etc/hotspotd/software-root.json")
    source = '[software]\nupdates = "https://127.0.0.1:8443/v1/software"\nroot = "software-root.json"\n'
    (kiosk.root / "etc/hotspotd/hotspotd.toml").write_text(CONFIG + source)
    told = json.loads(wished(kiosk, "check"))
    assert (told["state"], told["ready"]) == ("done", "0.1.0+published"), (told, kiosk.journal())
    told = json.loads(wished(kiosk, "apply", "0.1.0+published"))
    assert (told["state"], told["running"]) == ("done", "0.1.0+published"), (told, kiosk.journal())
    assert "published" in kiosk.shows("hotspotd.service", "Description")
    assert kiosk.shows("hotspotd.service", "ActiveState") == "active"


def test_it_is_taken_off_again(kiosk: Container) -> None:
    install(kiosk, "--uninstall")
    assert kiosk.shows("hotspotd.service", "LoadState") == "not-found"
    assert not (kiosk.root / "opt/hotspotd").exists()
    assert (kiosk.root / "var/lib/hotspotd/records.sqlite").exists()
    assert (kiosk.root / "etc/hotspotd/tls/kiosk.key").exists()
    install(kiosk, "--uninstall", "--purge")
    left = kiosk.run("find", "/etc", "/var/lib", "/opt", "/usr/local", "-name", "*hotspotd*")
    assert left == ""
    kiosk.run("id", "hotspotd", fails=True)
