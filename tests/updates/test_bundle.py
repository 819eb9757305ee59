"""Bundles: what is packed comes out again, and nothing else does."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hotspotd.errors import Reason, UpdateError
from hotspotd.updates import bundle as bundles
from hotspotd.updates.bundle import LIST, Bundle
from tests.updates.conftest import make_bundle


def test_what_is_packed_comes_out_again(tmp_path: Path) -> None:
    script = "release/scripts/install"
    path = make_bundle(tmp_path, "0.2.0", **{script: "#!/bin/sh\n"})
    told = bundles.unpack(path, tmp_path / "out")
    assert told == bundles.read(path)
    assert told.version == "0.2.0"
    assert (tmp_path / "out" / script).read_text() == "#!/bin/sh\n"
    assert not (tmp_path / "out" / LIST).exists()
    told.refuse_elsewhere()


def test_one_for_another_machine_is_refused() -> None:
    with pytest.raises(UpdateError, match="sparc64") as caught:
        Bundle("0.2.0", "sparc64", "3.11").refuse_elsewhere()
    assert caught.value.reason is Reason.WRONG_VERSION


Members = list[tuple[tarfile.TarInfo, bytes]]


def _another_content(members: Members) -> None:
    info, data = members[1]
    members[1] = (info, data[:-1] + b"!")


def _more_than_listed(members: Members) -> None:
    info = tarfile.TarInfo("release/more")
    members.append((info, b""))


def _twice(members: Members) -> None:
    members.append(members[1])


def _a_link(members: Members) -> None:
    info = tarfile.TarInfo(members[1][0].name)
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    members[1] = (info, b"")


def _one_short(members: Members) -> None:
    members.pop()


def _without_a_list(members: Members) -> None:
    members.pop(0)


def _a_way_out(members: Members) -> None:
    info, data = members[0]
    data = data.replace(b"release/systemd", b"../../etc/systemd")
    info.size = len(data)
    members[0] = (info, data)


@pytest.mark.parametrize(
    "change", [_another_content, _more_than_listed, _twice, _a_link, _one_short, _without_a_list, _a_way_out]
)
def test_what_is_not_as_listed_is_refused(tmp_path: Path, change: Callable[[Members], None]) -> None:
    path = make_bundle(tmp_path, "0.2.0")
    with tarfile.open(path) as tar:
        members = [(info, file.read() if (file := tar.extractfile(info)) else b"") for info in tar.getmembers()]
    change(members)
    with tarfile.open(path, "w") as tar:
        for info, data in members:
            tar.addfile(info, io.BytesIO(data))
    with pytest.raises(UpdateError) as caught:
        bundles.unpack(path, tmp_path / "a/b/out")
    assert caught.value.reason is Reason.DAMAGED
    assert not (tmp_path / "a/etc").exists()


@pytest.mark.parametrize("left", [0, 100, 700, 3000])
def test_a_torn_one_is_refused(tmp_path: Path, left: int) -> None:
    path = make_bundle(tmp_path, "0.2.0", **{"release/large": "x" * 5000})
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(UpdateError) as caught:
        bundles.unpack(path, tmp_path / "out")
    assert caught.value.reason in {Reason.DAMAGED, Reason.UNREADABLE}
