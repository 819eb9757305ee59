"""Lines of a file with the byte where each ends, so that an import can go on behind any of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from hotspotd.errors import Reason, WatchlistError

LONGEST_LINE = 256 * 1024
_ARCHIVES = {
    b"PK\x03\x04": "a ZIP archive",
    b"PK\x05\x06": "an empty ZIP archive",
    b"\x1f\x8b": "packed with gzip",
    b"7z\xbc\xaf": "a 7z archive",
    b"\xfd7zXZ": "packed with xz",
    b"BZh": "packed with bzip2",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
}
_OTHER_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}


class Lines:
    """An open file, read by lines. ``place`` is the byte behind the last line given, ``line`` its number from 1."""

    def __init__(self, file: BinaryIO, place: int, line: int, longest: int = LONGEST_LINE) -> None:
        self._file = file
        self._longest = longest
        self.place = place
        self.line = line
        file.seek(place)

    def next(self) -> bytes | None:
        """The next line with its end; ``None`` behind the last. One that is too long comes cut off, without its end."""
        line = self._file.readline(self._longest + 1)
        if not line:
            return None
        self.place += len(line)
        self.line += 1
        if self.too_long(line):
            rest = line
            while rest and not rest.endswith(b"\n"):
                rest = self._file.readline(64 * 1024)
                self.place += len(rest)
        return line

    def back_to(self, place: int, line: int) -> None:
        """Go on behind another place."""
        self._file.seek(place)
        self.place, self.line = place, line

    def too_long(self, line: bytes) -> bool:
        """Whether ``line`` was cut off."""
        return len(line) > self._longest


def opened(path: Path) -> BinaryIO:
    """``path`` open for reading. Raises WatchlistError: UNREADABLE, BAD_VALUE for an archive or UTF-16."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise WatchlistError(Reason.UNREADABLE, f"{path}: {error.strerror}", "Name a file that can be read.") from error
    start = file.read(8)
    file.seek(0)
    for magic, what in _ARCHIVES.items():
        if start.startswith(magic):
            file.close()
            raise WatchlistError(Reason.BAD_VALUE, f"{path} is {what}", "Unpack it and import what is in it.")
    for mark, encoding in _OTHER_ENCODINGS.items():
        if start.startswith(mark):
            file.close()
            raise WatchlistError(
                Reason.BAD_VALUE, f"{path} is in {encoding}", f"Convert it: iconv -f {encoding} -t UTF-8."
            )
    return file


def each(path: Path, place: int, line: int, longest: int = LONGEST_LINE) -> Iterator[tuple[Lines, bytes]]:
    """The lines of ``path`` from ``place`` on; those too long come cut off."""
    with opened(path) as file:
        lines = Lines(file, place, line, longest)
        while (text := lines.next()) is not None:
            yield lines, text
