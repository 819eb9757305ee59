"""Files of a folder as one stream of bounded parts, and back. Nothing of encryption or of networks.

The stream is a header (32-bit length, then JSON: names and sizes in order) and the files' bytes one after another, cut
every ``PART_BYTES``. A part begins with 1 where zlib has made it shorter, else with 0.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from hotspotd.errors import Reason, WatchlistError

PART_BYTES: Final = 4 * 1024 * 1024
"""Before compression. At 64 kbit/s one part of it takes 9 minutes: what a broken download is resumed within."""
MOST_FILES: Final = 256
_MOST_HEADER: Final = 64 * 1024
_LENGTH: Final = 4
# A file of a snapshot, or of one folder in it. No path that leads elsewhere fits this.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9_][A-Za-z0-9._-]{0,99})?")
_STORED, _DEFLATED = b"\0", b"\1"
_LEVEL: Final = 6
_READ: Final = 1024 * 1024


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    size: int


def count_parts(named: Mapping[str, Path]) -> int:
    """How many parts ``pack`` makes of these files. Raises as it does."""
    files, header = _listed(named)
    return -(-(_LENGTH + len(header) + sum(file.size for file in files)) // PART_BYTES)


def _listed(named: Mapping[str, Path]) -> tuple[list[_File], bytes]:
    files = []
    for name, path in named.items():
        if not _NAME.fullmatch(name):
            raise WatchlistError(Reason.BAD_VALUE, f"{name!r} cannot be the name of a published file")
        files.append(_File(name, path.stat().st_size))
    header = msgspec.json.encode(files)
    if len(files) > MOST_FILES or len(header) > _MOST_HEADER:
        raise WatchlistError(Reason.BAD_VALUE, f"more than {MOST_FILES} files cannot be published as one")
    return files, header


def pack(named: Mapping[str, Path]) -> Iterator[bytes]:
    """The parts of these files, each under a name. Raises OSError, WatchlistError (BAD_VALUE) for a wrong name."""
    files, header = _listed(named)
    held = bytearray(len(header).to_bytes(_LENGTH, "big") + header)
    for file in files:
        left = file.size
        with named[file.name].open("rb") as source:
            while left:
                data = source.read(min(_READ, left))
                if not data:
                    raise WatchlistError(Reason.DAMAGED, f"{named[file.name]} became shorter while it was read")
                left -= len(data)
                held += data
                while len(held) >= PART_BYTES:
                    yield _part(bytes(held[:PART_BYTES]))
                    del held[:PART_BYTES]
    if held:
        yield _part(bytes(held))


def _part(plain: bytes) -> bytes:
    deflated = zlib.compress(plain, _LEVEL)
    return _DEFLATED + deflated if len(deflated) < len(plain) else _STORED + plain


def unpack(parts: Iterable[bytes], folder: Path, most_bytes: int) -> list[str]:
    """Write the files of the stream into ``folder``, flushed to disk; returns their names.

    Raises WatchlistError: DAMAGED for a stream that ``pack`` did not make, TOO_LARGE above ``most_bytes`` in all;
    OSError. What was written until then stays for the caller to remove.
    """
    reader = _Reader(parts)
    size = int.from_bytes(reader.take(_LENGTH), "big")
    if size > _MOST_HEADER:
        raise _damaged("its header is too long")
    try:
        files = msgspec.json.decode(reader.take(size), type=list[_File])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _damaged("its header cannot be read") from error
    if len(files) > MOST_FILES or len({file.name for file in files}) != len(files):
        raise _damaged("it lists too many files, or one twice")
    if any(file.size < 0 or not _NAME.fullmatch(file.name) for file in files):
        raise _damaged("it lists a file that cannot be one")
    if sum(file.size for file in files) > most_bytes:
        raise WatchlistError(
            Reason.TOO_LARGE, f"the published list is larger than {most_bytes} bytes", "Make room, or raise the limit."
        )
    for file in files:
        path = folder / file.name
        path.parent.mkdir(exist_ok=True)
        with path.open("xb") as out:
            reader.copy(file.size, out)
            out.flush()
            os.fsync(out.fileno())
    if not reader.at_end():
        raise _damaged("it goes on after its last file")
    return [file.name for file in files]


class _Reader:
    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._held = memoryview(b"")

    def _more(self) -> bool:
        part = next(self._parts, None)
        if part is None:
            return False
        self._held = memoryview(_plain(part))
        return True

    def take(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            if not self._held and not self._more():
                raise _damaged("it ends too early")
            piece = self._held[: count - len(data)]
            data += piece
            self._held = self._held[len(piece) :]
        return bytes(data)

    def copy(self, count: int, out: BinaryIO) -> None:
        while count:
            if not self._held and not self._more():
                raise _damaged("it ends too early")
            piece = self._held[:count]
            out.write(piece)
            count -= len(piece)
            self._held = self._held[len(piece) :]

    def at_end(self) -> bool:
        return not self._held and not self._more()


def _plain(part: bytes) -> bytes:
    kind, data = part[:1], part[1:]
    if kind == _STORED and data and len(data) <= PART_BYTES:
        return data
    if kind == _DEFLATED:
        inflate = zlib.decompressobj()
        try:
            plain = inflate.decompress(data, PART_BYTES)
        except zlib.error as error:
            raise _damaged("a part cannot be decompressed") from error
        if plain and inflate.eof and not inflate.unconsumed_tail and not inflate.unused_data:
            return plain
    raise _damaged("a part is not one")


def _damaged(how: str) -> WatchlistError:
    return WatchlistError(Reason.DAMAGED, f"the published list cannot be unpacked: {how}", "Publish it again.")
