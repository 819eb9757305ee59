"""Measuring folders of prints with a progress bar, and writing files whole: what evaluate and calibrate share."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO, TypeVar

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from hotspotd.biometrics.finger import evaluation as ev
from hotspotd.cli.output import print_json
from hotspotd.errors import ConfigError, Reason

STDOUT = Path("-")
Found = TypeVar("Found")


def add_folders(command: argparse.ArgumentParser, *, required: bool) -> None:
    """The arguments that name the pictures."""
    command.add_argument(
        "folders",
        type=Path,
        nargs="+" if required else "*",
        metavar="DIR",
        help="folder of pictures {finger}_{impression}.* of one sensor; each folder is a set",
    )
    command.add_argument(
        "--dpi",
        type=_dpi,
        metavar="N",
        help="resolution of all pictures, 250 to 1000; by default what each file says, and 500 where it says nothing",
    )


def _dpi(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 250 <= int(text) <= 1000):
        raise argparse.ArgumentTypeError(f"{text!r} is no resolution from 250 to 1000")
    return int(text)


def progress_bar() -> Progress:
    """A bar on standard error where that is a terminal, and nothing elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def measure_folders(paths: Sequence[Path], dpi: int | None, *, genuine: bool) -> list[ev.Evaluated]:
    """Every folder opened first, then measured, with a bar on standard error where that is a terminal.

    Raises BiometricError. Folders of one name are told apart by a number.
    """
    folders = [ev.open_folder(path, dpi, genuine=genuine) for path in paths]
    names = distinct([folder.name for folder in folders])
    out = []
    with progress_bar() as progress:
        for name, folder in zip(names, folders, strict=True):
            count = len(folder.pictures)
            enrolling = progress.add_task(f"{name}: pictures", total=count)
            comparing = progress.add_task(f"{name}: comparisons", total=count * (count - 1) // 2)
            measured = ev.measure(
                folder.pictures,
                enrolled=partial(progress.advance, enrolling),
                scored=partial(progress.advance, comparing),
            )
            out.append(ev.Evaluated(name, str(folder.path), measured))
    return out


def distinct(names: Sequence[str]) -> list[str]:
    """``names``, those that occur more than once with a number behind."""
    often = Counter(names)
    seen: Counter[str] = Counter()
    out = []
    for name in names:
        seen[name] += 1
        out.append(f"{name} ({seen[name]})" if often[name] > 1 else name)
    return out


def check_writable(*paths: Path | None) -> None:
    """Find out before minutes of work that a result could not be written. Raises ConfigError(UNREADABLE)."""
    for path in paths:
        if path is None or path == STDOUT:
            continue
        if path.is_dir():
            raise ConfigError(Reason.UNREADABLE, f"{path}: is a folder", "Name a file in it.")
        if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)):
            raise ConfigError(Reason.UNREADABLE, f"{path}: its folder is not there or cannot be written to", "Make it.")


def write_whole(path: Path, write: Callable[[TextIO], object]) -> None:
    """Write ``path`` so that it is the old file or the new one, never half of it. Raises OSError."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            write(file)
            file.flush()
            # mkstemp makes it readable by its owner alone; the daemon is somebody else.
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def give(found: Found, into: Path | None, tell: Callable[[Found], object]) -> None:
    """What was measured, as JSON ``into`` a file, and told; or as JSON alone where that is standard output."""
    if into == STDOUT:
        print_json(found)
        return
    if into:
        text = msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
        write_whole(into, lambda file: file.write(text + "\n"))
    tell(found)
