"""The keyed hash of a number, one by one and by the thousand.

HMAC-SHA-256 (RFC 2104) of kind, issuer and normal form, cut to 60 bits: without the key nobody can tell which
numbers a list holds, not even by trying all there are.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Final

import numpy as np

from hotspotd.watchlist.numbers.kinds import Kind
from hotspotd.watchlist.numbers.normal import plain, rule_of
from hotspotd.watchlist.numbers.rows import HASH_BITS, Hashes, Tails
from hotspotd.watchlist.secret import ListKey

UNUSABLE: Final = (1 << 64) - 1
"""Stands for the hash of what has no normal form; hashes have 60 bits."""
BATCH: Final = 20_000
"""Numbers in a batch."""

_BLOCK: Final = 64
_ALONE: Final = 10
"""Batches that are hashed sooner than other processes are started."""


@dataclass(slots=True)
class Batch:
    """Numbers as written, the group that each is of, and what is spooled beside its hash.

    Of each group, in ``groups``, all numbers have one kind and issuer's code.
    """

    numbers: list[str] = field(default_factory=list)
    group: list[int] = field(default_factory=list)
    tails: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """Where in its stream each stood."""
    groups: dict[int, tuple[Kind, str]] = field(default_factory=dict)

    def add(self, number: str, group: int, of: tuple[Kind, str], tail: int, place: int) -> None:
        """Take one number."""
        self.numbers.append(number)
        self.group.append(group)
        self.tails.append(tail)
        self.places.append(place)
        if group not in self.groups:
            self.groups[group] = of

    def tail_array(self) -> Tails:
        """``tails`` as an array (n,)."""
        return np.array(self.tails, np.uint32)


class NumberHasher:
    """Hashes under one key. About 2 µs each."""

    def __init__(self, key: ListKey) -> None:
        # RFC 2104, 4: the hashes of the padded key are made once.
        padded = key.key.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))

    def of_form(self, kind: Kind, issuer: str, form: str) -> int:
        """The 60-bit hash of a normal form."""
        inner, outer = self._begun(kind, issuer).copy(), self._outer.copy()
        inner.update(form.encode())
        outer.update(inner.digest())
        return int.from_bytes(outer.digest()[:8], "big") >> (64 - HASH_BITS)

    def _begun(self, kind: Kind, issuer: str) -> hashlib._Hash:
        begun = self._inner.copy()
        begun.update(f"{kind}|{issuer}|".encode())
        return begun

    def of_many(self, numbers: list[str], group: list[int], groups: Mapping[int, tuple[Kind, str]]) -> Hashes:
        """The hashes of numbers as written (n,); UNUSABLE for those without a normal form."""
        begun = {number: (self._begun(*of), rule_of(*of)) for number, of in groups.items()}
        forms = plain("\n".join(numbers)).split("\n")
        if len(forms) != len(numbers):  # One has a line break in it.
            forms = [plain(number.replace("\n", "")) for number in numbers]
        out: list[bytes] = []
        refused: list[int] = []
        outer_hash = self._outer
        for form, number in zip(forms, group, strict=True):
            inner_hash, rule = begun[number]
            ruled = rule(form)
            if ruled is None:
                refused.append(len(out))
                ruled = ""
            inner = inner_hash.copy()
            inner.update(ruled.encode())
            outer = outer_hash.copy()
            outer.update(inner.digest())
            out.append(outer.digest()[:8])
        hashes = np.frombuffer(b"".join(out), ">u8").astype(np.uint64) >> np.uint64(64 - HASH_BITS)
        hashes[refused] = UNUSABLE
        return hashes


def _in_process(key: bytes, text: str, group: bytes, groups: Mapping[int, tuple[str, str]]) -> bytes:
    """``of_many`` in a process of its own: what comes and goes is plain, and quickly packed."""
    of = {number: (Kind(kind), issuer) for number, (kind, issuer) in groups.items()}
    numbers = text.split("\n")
    return NumberHasher(ListKey(key)).of_many(numbers, np.frombuffer(group, np.uint32).tolist(), of).tobytes()


def hashed(key: ListKey, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Hashes]]:
    """Each batch with its hashes (n,), in their order; many of them on all processors.

    Memory is bounded: a few batches are on their way at a time.
    """
    source = iter(batches)
    hasher = NumberHasher(key)
    for _ in range(_ALONE):
        batch = next(source, None)
        if batch is None:
            return
        yield batch, hasher.of_many(batch.numbers, batch.group, batch.groups)
    count = len(os.sched_getaffinity(0))
    # Spawned: a fork of a process with threads may stand still for ever.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        waiting: deque[tuple[Batch, Future[bytes]]] = deque()
        for batch in source:
            waiting.append((batch, pool.submit(_in_process, key.key, *_plainly(batch))))
            if len(waiting) > 2 * count:
                yield _done(*waiting.popleft())
        while waiting:
            yield _done(*waiting.popleft())


def _plainly(batch: Batch) -> tuple[str, bytes, dict[int, tuple[str, str]]]:
    text = "\n".join(batch.numbers)
    if text.count("\n") != len(batch.numbers) - 1:
        text = "\n".join(number.replace("\n", "") for number in batch.numbers)
    groups = {number: (str(kind), issuer) for number, (kind, issuer) in batch.groups.items()}
    return text, np.array(batch.group, np.uint32).tobytes(), groups


def _done(batch: Batch, future: Future[bytes]) -> tuple[Batch, Hashes]:
    return batch, np.frombuffer(future.result(), np.uint64)
