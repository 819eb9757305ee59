"""hotspotctl models: nothing of another hash is installed, and a transfer that broke off goes on where it ended."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hotspotd.biometrics.models import BUNDLED, find_model, read_model
from hotspotd.cli import fetch
from hotspotd.errors import BiometricError, Reason

Run = Callable[..., tuple[int, str, str]]
CONTENT = (BUNDLED / "face-descriptor.tflite").read_bytes()
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Site:
    """A real HTTP server of one file, and how it behaves."""

    content: bytes = CONTENT
    ranges: bool = True
    drop_after: list[int] = field(default_factory=list)
    """Bytes after which each of the next answers breaks off."""
    status: list[int] = field(default_factory=list)
    """Statuses that the next answers have instead of a file."""
    asked: list[str | None] = field(default_factory=list)
    """The Range header of each request."""
    url: str = ""


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.headers.get("Range"))
            if made.status:
                self.send_error(made.status.pop(0))
                return
            start = 0
            if made.ranges and (wanted := self.headers.get("Range")):
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(made.content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(made.content) - 1}/{len(made.content)}")
            else:
                self.send_response(200)
            body = made.content[start:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: made.drop_after.pop(0)] if made.drop_after else body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}/face-descriptor.tflite"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def catalogue(tmp_path: Path, site: Site) -> Path:
    """A catalogue of one entry, "fetched", whose file the server has."""
    folder = tmp_path / "catalogue"
    folder.mkdir()
    text = (BUNDLED / "face-descriptor.toml").read_text(encoding="utf-8")
    text = text.replace('name = "face-descriptor"', f'name = "fetched"\nurl = "{site.url}"', 1)
    (folder / "fetched.toml").write_text(text, encoding="utf-8")
    return folder


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_model_is_installed_from_its_url_and_can_be_opened(
    run: Run, tmp_path: Path, catalogue: Path, site: Site
) -> None:
    target = tmp_path / "models"
    code, out, _ = run("models", "install", "fetched", "--folder", target, "--catalogue", catalogue)
    assert code == 0
    assert "Grade demo" in out
    assert leftovers(target) == ["face-descriptor.tflite", "fetched.toml"]
    assert read_model(find_model("fetched", [target])) == CONTENT
    assert run("models", "verify", "--folder", target)[0] == 0
    # Again: the file is there and whole, nothing is fetched.
    assert run("models", "install", "fetched", "--folder", target, "--catalogue", catalogue)[0] == 0
    assert len(site.asked) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_a_transfer_that_breaks_off_goes_on_by_itself(ranges: bool, tmp_path: Path, site: Site) -> None:
    site.ranges, site.drop_after = ranges, [10_000, 15_000]
    told: list[int] = []
    fetch.fetch(site.url, tmp_path / "model", len(CONTENT), DIGEST, told.append)
    assert (tmp_path / "model").read_bytes() == CONTENT
    assert leftovers(tmp_path) == ["model"]
    assert site.asked == [None, "bytes=10000-", "bytes=25000-" if ranges else "bytes=15000-"]
    assert told[-1] == len(CONTENT)


def test_a_transfer_that_breaks_off_too_often_goes_on_with_the_next_command(
    run: Run, tmp_path: Path, catalogue: Path, site: Site
) -> None:
    target = tmp_path / "models"
    site.drop_after = [5_000] * fetch.TRIES
    code, _, err = run("models", "install", "fetched", "--folder", target, "--catalogue", catalogue)
    assert code == 3
    assert f"{5_000 * fetch.TRIES} of {len(CONTENT)} bytes have arrived" in err
    assert leftovers(target) == [".face-descriptor.tflite.part"]
    assert run("models", "install", "fetched", "--folder", target, "--catalogue", catalogue)[0] == 0
    assert site.asked[-1] == f"bytes={5_000 * fetch.TRIES}-"
    assert read_model(find_model("fetched", [target])) == CONTENT


def test_a_part_of_another_file_is_fetched_anew(tmp_path: Path, site: Site) -> None:
    (tmp_path / ".model.part").write_bytes(b"x" * 20_000)
    fetch.fetch(site.url, tmp_path / "model", len(CONTENT), DIGEST, lambda _: None)
    assert (tmp_path / "model").read_bytes() == CONTENT
    assert site.asked == ["bytes=20000-", None]


def test_a_part_longer_than_the_file_is_fetched_anew(tmp_path: Path, site: Site) -> None:
    (tmp_path / ".model.part").write_bytes(b"x" * (len(CONTENT) + 1))
    fetch.fetch(site.url, tmp_path / "model", len(CONTENT), DIGEST, lambda _: None)
    assert (tmp_path / "model").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (CONTENT[:-1] + b"!", Reason.MODEL_HASH),
        (CONTENT + b"!", Reason.TOO_LARGE),
        (b"!" * 10_000_000, Reason.TOO_LARGE),
    ],
)
def test_another_file_never_gets_the_models_name(content: bytes, reason: Reason, tmp_path: Path, site: Site) -> None:
    site.content = content
    (tmp_path / "model").write_bytes(b"the one before")
    with pytest.raises(BiometricError) as caught:
        fetch.fetch(site.url, tmp_path / "model", len(CONTENT), DIGEST, lambda _: None)
    assert caught.value.reason is reason
    assert leftovers(tmp_path) == ["model"]
    assert (tmp_path / "model").read_bytes() == b"the one before"


def test_a_server_without_the_file_is_told_and_one_in_trouble_is_asked_again(tmp_path: Path, site: Site) -> None:
    site.status = [404]
    with pytest.raises(BiometricError, match="404"):
        fetch.fetch(site.url, tmp_path / "model", len(CONTENT), DIGEST, lambda _: None)
    site.status = [503, 503]
    fetch.fetch(site.url, tmp_path / "model", len(CONTENT), DIGEST, lambda _: None)
    assert (tmp_path / "model").read_bytes() == CONTENT


def test_a_host_that_does_not_answer_is_told(tmp_path: Path, site: Site) -> None:
    with pytest.raises(BiometricError, match=f"0 of {len(CONTENT)}") as caught:
        fetch.fetch("http://127.0.0.1:9/model", tmp_path / "model", len(CONTENT), DIGEST, lambda _: None)
    assert caught.value.reason is Reason.MODEL_MISSING
    assert leftovers(tmp_path) == []


def test_two_commands_do_not_write_one_file(tmp_path: Path, site: Site) -> None:
    with fetch._part(tmp_path / "model") as file:
        file.write(b"x")
        with pytest.raises(BiometricError) as caught:
            fetch.fetch(site.url, tmp_path / "model", len(CONTENT), DIGEST, lambda _: None)
    assert caught.value.reason is Reason.BUSY


def test_a_folder_of_models_and_manifests_is_enough_to_install_offline(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "models"
    code, out, _ = run("models", "install", "face-descriptor", "--from", BUNDLED, "--folder", target, "--json")
    assert code == 0
    assert json.loads(out)["installed"][0]["sha256"] == DIGEST
    assert read_model(find_model("face-descriptor", [target])) == CONTENT


def test_a_file_under_any_name_is_installed_by_a_manifest_of_ones_own(
    run: Run, tmp_path: Path, catalogue: Path
) -> None:
    shutil.copy(BUNDLED / "face-descriptor.tflite", tmp_path / "other name.bin")
    target = tmp_path / "models"
    code, _, _ = run(
        "models", "install", "fetched", "--manifest", catalogue / "fetched.toml",
        "--from", tmp_path / "other name.bin", "--folder", target,
    )  # fmt: skip
    assert code == 0
    assert find_model("fetched", [target]).path.name == "face-descriptor.tflite"


def test_a_wrong_file_is_not_installed_from_disk(run: Run, tmp_path: Path, catalogue: Path) -> None:
    (tmp_path / "wrong").write_bytes(CONTENT[::-1])
    target = tmp_path / "models"
    code, _, err = run(
        "models", "install", "fetched", "--from", tmp_path / "wrong", "--folder", target, "--catalogue", catalogue
    )
    assert code == 3
    assert "was not installed" in err
    assert leftovers(target) == []


def test_what_is_not_there_is_told(run: Run, tmp_path: Path, catalogue: Path) -> None:
    code, _, err = run("models", "install", "nobody", "--folder", tmp_path / "m", "--catalogue", catalogue)
    assert (code, "no manifest nobody.toml" in err) == (3, True)
    code, _, err = run("models", "install", "fetched", "--catalogue", catalogue)
    assert (code, "no folder of models" in err) == (3, True)
    code, _, err = run(
        "models", "install", "fetched", "--from", tmp_path, "--folder", tmp_path / "m", "--catalogue", catalogue
    )
    assert (code, "face-descriptor.tflite" in err) == (3, True)
    assert run("models", "verify", "--folder", tmp_path / "none")[0] == 3
    assert run("models")[0] == 2


def test_the_list_shows_catalogue_bundled_installed_and_damaged(run: Run, tmp_path: Path, catalogue: Path) -> None:
    def states() -> tuple[int, dict[str, str]]:
        code, out, _ = run("models", "list", "--folder", tmp_path / "m", "--catalogue", catalogue, "--json")
        return code, {one["name"]: one["state"] for one in json.loads(out)["models"]}

    bundled = dict.fromkeys(("face-descriptor", "finger-minutiae", "mrz-line", "mrz-place"), "bundled")
    assert states() == (0, {"fetched": "available", **bundled})
    run("models", "install", "fetched", "--folder", tmp_path / "m", "--catalogue", catalogue)
    assert states()[1]["fetched"] == "installed"
    model = tmp_path / "m" / "face-descriptor.tflite"
    model.write_bytes(CONTENT[:-1] + b"!")
    code, found = states()
    assert (code, found["fetched"]) == (1, "damaged")
    code, out, err = run("models", "list", "--folder", tmp_path / "m", "--catalogue", catalogue)
    assert "damaged" in out
    assert "was not opened" in err
    code, out, _ = run("models", "verify", "--folder", tmp_path / "m")
    assert (code, "was not opened" in out) == (1, True)


def test_verify_finds_a_model_that_its_manifest_lies_about(run: Run, tmp_path: Path) -> None:
    shutil.copy(BUNDLED / "face-descriptor.tflite", tmp_path)
    text = (BUNDLED / "face-descriptor.toml").read_text(encoding="utf-8")
    (tmp_path / "face-descriptor.toml").write_text(text.replace("width = 96", "width = 112"), encoding="utf-8")
    code, out, _ = run("models", "verify", "--folder", tmp_path, "--json")
    assert code == 1
    assert "the manifest says" in json.loads(out)["models"][0]["problem"]


def test_a_model_is_removed_with_its_manifest(run: Run, tmp_path: Path, catalogue: Path) -> None:
    target = tmp_path / "m"
    run("models", "install", "fetched", "--folder", target, "--catalogue", catalogue)
    assert run("models", "remove", "fetched", "--folder", target)[0] == 0
    assert leftovers(target) == []
    code, _, err = run("models", "remove", "fetched", "--folder", target)
    assert (code, "no such model" in err) == (3, True)


def test_a_sites_own_manifest_is_not_replaced_by_the_catalogues(run: Run, tmp_path: Path, catalogue: Path) -> None:
    target = tmp_path / "m"
    install = ("models", "install", "fetched", "--folder", target, "--catalogue", catalogue)
    assert run(*install)[0] == 0
    own = (target / "fetched.toml").read_text(encoding="utf-8").replace('grade = "demo"', 'grade = "operational"')
    (target / "fetched.toml").write_text(own, encoding="utf-8")
    (target / "face-descriptor.tflite").unlink()
    code, _, err = run(*install)
    assert (code, "is another manifest" in err) == (3, True)
    assert run(*install, "--manifest", target / "fetched.toml")[0] == 0
    assert (target / "fetched.toml").read_text(encoding="utf-8") == own
    assert read_model(find_model("fetched", [target])) == CONTENT


def test_a_model_that_the_configuration_uses_is_not_removed(run: Run, tmp_path: Path) -> None:
    config = Path(__file__).resolve().parents[2] / "config" / "hotspotd.toml"
    text = config.read_text(encoding="utf-8").replace("# folder = ", "folder = ", 1)
    text = text.replace('"/etc/hotspotd/models"', '"models"')
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    site = ("--config", tmp_path / "site.toml")
    assert run("models", "install", "face-descriptor", "--from", BUNDLED, *site)[0] == 0
    code, _, err = run("models", "remove", "face-descriptor", *site)
    assert (code, "is used by" in err) == (3, True)
    assert (tmp_path / "models" / "face-descriptor.tflite").is_file()


@pytest.mark.parametrize("name", ["list", "install", "verify", "remove"])
def test_help_shows_examples_and_exit_codes(name: str, run: Run) -> None:
    code, out, _ = run("models", name, "--help")
    assert code == 0
    assert "hotspotctl models install blazeface" in out
    assert "exit codes:" in out
