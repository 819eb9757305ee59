"""From a signed repository to the version that runs: trusted, tried, and safe to interrupt."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates import applying
from hotspotd.updates.building import Builder
from hotspotd.updates.versions import Step, Versions, no_step
from tests.updates.conftest import Publisher, following, make_bundle, quick_python


def update(publisher: Publisher, root: Path, *, works: bool = True, step: Step = no_step) -> str:
    """What ``hotspotctl update apply --from STICK`` does; the judge is what boot-check does with the same answer."""
    versions = Versions(root, step)
    follows = following(publisher.repository.metadata.parent, publisher.root, root / "updates", step)

    def judge() -> bool:
        if works:
            versions.confirm()
        else:
            versions.switch(versions.before())
            versions.confirm()
        return works

    path = follows.fetch(follows.check())
    builder = Builder(versions, quick_python(publisher.folder), Path("/nowhere"))
    return applying.apply(path, builder, judge)


def test_what_is_published_runs_and_the_one_before_is_kept(publisher: Publisher, tmp_path: Path) -> None:
    root = tmp_path / "opt"
    for version in ("0.2.0", "0.3.0"):
        if version != "0.2.0":
            publisher.publish(version)
        assert update(publisher, root) == version
    versions = Versions(root)
    assert (versions.current, versions.trial, versions.complete()) == ("0.3.0", None, ["0.2.0", "0.3.0"])
    assert not (versions.folder("0.3.0") / "wheels").exists()
    assert update(publisher, root) == "0.3.0"
    assert applying.roll_back(versions, lambda: True) == "0.2.0"
    assert versions.current == "0.2.0"


def test_one_that_does_not_become_ready_is_told_and_not_kept(publisher: Publisher, tmp_path: Path) -> None:
    update(publisher, tmp_path / "opt")
    publisher.publish("0.3.0")
    with pytest.raises(UpdateError, match=r"0\.3\.0 did not become ready; 0\.2\.0 runs") as caught:
        update(publisher, tmp_path / "opt", works=False)
    assert caught.value.reason is Reason.FAILED


def test_while_somebody_changes_versions_nobody_else_does(publisher: Publisher, tmp_path: Path) -> None:
    root = tmp_path / "opt"
    update(publisher, root)
    publisher.publish("0.3.0")
    with Versions(root).alone():
        for change in (lambda: update(publisher, root), lambda: applying.roll_back(Versions(root), lambda: True)):
            with pytest.raises(UpdateError) as caught:
                change()
            assert caught.value.reason is Reason.BUSY
        assert Versions(root).complete() == ["0.2.0"]
    assert update(publisher, root) == "0.3.0"


def killed_at(number: int, work: Callable[[Step], object]) -> bool:
    """Run ``work`` in a process of its own that is killed at its step ``number``; whether it came so far."""
    left = number

    def step(_: str) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            work(step)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # The child uses no thread of this process.
@pytest.mark.parametrize("works", [True, False])
def test_an_update_killed_at_each_step_leaves_a_version_that_runs(
    publisher: Publisher, tmp_path: Path, works: bool
) -> None:
    update(publisher, tmp_path / "before")
    publisher.publish("0.3.0")
    number = 0
    root = tmp_path / "opt"
    shutil.copytree(tmp_path / "before", root, symlinks=True)
    while killed_at(number, lambda step: update(publisher, root, works=works, step=step)):
        versions = Versions(root)
        current = versions.current
        assert current in versions.complete(), number
        assert (root / "current/venv/bin/hotspotd").is_file(), number
        if current == "0.3.0" and not works:
            assert versions.trial == "0.2.0", f"step {number}: nothing would put it back"
        # The next attempt goes on from wherever that one was cut off.
        assert update(publisher, root) == "0.3.0"
        number += 1
        shutil.rmtree(root)
        shutil.copytree(tmp_path / "before", root, symlinks=True)
    assert number >= 10


def test_an_older_repository_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    old = shutil.copytree(publisher.folder / "repository", tmp_path / "old")
    publisher.publish("0.3.0")
    update(publisher, tmp_path / "opt")
    follows = following(old, publisher.root, tmp_path / "opt/updates")
    with pytest.raises(UpdateError, match="older than it was before") as caught:
        follows.check()
    assert caught.value.reason is Reason.UNTRUSTED


def test_a_bundle_that_was_changed_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    (bundle,) = publisher.repository.targets.rglob("*.tar")
    bundle.write_bytes(bundle.read_bytes().replace(b"Description=0.2.0", b"Description=6.6.6"))
    follows = following(publisher.folder / "repository", publisher.root, tmp_path / "updates")
    with pytest.raises(UpdateError) as caught:
        follows.fetch(follows.check())
    assert caught.value.reason is Reason.UNTRUSTED
    assert not (tmp_path / "updates/bundle.tar").exists()


def test_somebody_elses_repository_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    other = Publisher(tmp_path / "other")
    other.publish("9.9.9")
    with pytest.raises(UpdateError) as caught:
        following(other.folder / "repository", publisher.root, tmp_path / "updates").check()
    assert caught.value.reason is Reason.UNTRUSTED


def test_the_same_version_is_not_published_twice(publisher: Publisher) -> None:
    with pytest.raises(UpdateError) as caught:
        publisher.publish("0.2.0")
    assert caught.value.reason is Reason.CONFLICT


def test_one_whose_program_says_another_version_is_not_switched_to(publisher: Publisher, tmp_path: Path) -> None:
    python = quick_python(tmp_path)
    python.write_text(python.read_text().replace("echo hotspotd %s", "echo hotspotd 0.0.1 # %s"))
    path = make_bundle(tmp_path, "0.2.0", **{"wheels/hotspotd-0-py3-none-any.whl": ""})
    versions = Versions(tmp_path / "opt")
    with pytest.raises(UpdateError, match=r"holds hotspotd 0\.0\.1"):
        Builder(versions, python, Path("/nowhere")).build(path)
    assert versions.complete() == []
