"""What an update of a list costs: bytes of the whole list and of its changes, and seconds to apply them.

Two lists of made-up people (records with names, two prints, a face and a small picture each) and numbers, of which the
second lacks some and has others and changes some: --share of all in each of the three. Both are published to one device
and followed from a folder, so that no network is in the times.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rich.console import Console

from hotspotd.biometrics import finger
from hotspotd.clock import Clock
from hotspotd.domain.candidate import ListRecord
from hotspotd.domain.finger import FingerPosition
from hotspotd.domain.notice import Notice
from hotspotd.gateway.authority import Authority
from hotspotd.gateway.publication.key_ring import KINDS, ONLINE, ROOT, TARGETS, KeyRing, make_keys
from hotspotd.gateway.publication.publisher import Publisher, read_devices
from hotspotd.gateway.publication.repository import Repository
from hotspotd.watchlist import EnrolledFace, EnrolledFinger, Entry, ListedDocument, Shelf
from hotspotd.watchlist.numbers import Kind, Listing, NumberEntry, Status
from hotspotd.watchlist.sync.following import Engines, Follower, Identity
from hotspotd.watchlist.sync.trusted_source import TrustedSource
from hotspotd.watchlist.sync.trusted_time import TrustedTime

FACES = "made-up"
DIMENSIONS = 128
MINUTIAE = 40
PICTURE_BYTES = 2_000
_ERR = Console(stderr=True)


def person(number: int, version: int) -> Entry:
    """Somebody, the same for the same number but for the reason, which tells the version."""
    rng = np.random.default_rng(number)
    letters = rng.integers(65, 91, 16).astype(np.uint8).tobytes().decode()
    record = ListRecord(
        reference=f"XPO/{number}",
        notice=Notice.BLUE,
        owner="XPO",
        surname=letters[:9],
        given_names=letters[9:],
        birth_date=f"{1940 + number % 60}-{1 + number % 12:02}-{1 + number % 28:02}",
        reason=f"Version {version}",
    )
    face = rng.normal(size=DIMENSIONS).astype(np.float32)
    return Entry(
        record,
        (ListedDocument(f"P{number:08}", "UTO"),),
        tuple(
            EnrolledFinger(position, _template(rng), rng.bytes(PICTURE_BYTES))
            for position in (FingerPosition.RIGHT_INDEX, FingerPosition.RIGHT_MIDDLE)
        ),
        EnrolledFace(face / np.linalg.norm(face), rng.bytes(PICTURE_BYTES)),
    )


def _template(rng: np.random.Generator) -> bytes:
    places = rng.uniform((30, 30), (260, 330), (MINUTIAE, 2)).astype(np.float32)
    return finger.FingerTemplate(
        x=places[:, 0],
        y=places[:, 1],
        angle=rng.uniform(0, 2 * np.pi, MINUTIAE).astype(np.float32),
        kind=rng.integers(0, 2, MINUTIAE).astype(np.uint8),
        point_quality=np.full(MINUTIAE, 80, np.uint8),
        width=300,
        height=360,
        quality=80,
    ).encode()


def entries(count: int, changed: int) -> Iterator[Entry]:
    """The first list where nothing is changed; else without the first ``changed``, with as many new and renewed."""
    for number in range(changed, count + changed):
        yield person(number, 2 if changed <= number < 2 * changed else 1)


def numbers(count: int, changed: int) -> Iterator[NumberEntry]:
    """As ``entries``; a number that is changed has another status."""
    listings = [Listing(Kind.DOCUMENT, "UTO", status, "UTO") for status in (Status.LOST_OR_STOLEN, Status.REVOKED)]
    for number in range(changed, count + changed):
        yield NumberEntry(f"N{number:09}", listings[changed <= number < 2 * changed])


class Country:
    """A gateway that publishes, and one kiosk that follows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        made = {kind: make_keys(folder / "keys" / kind, kind, 2) for kind in KINDS}
        self._ring = KeyRing([signer for signers in made.values() for signer in signers])
        self._repository = Repository(folder / "repository")
        public = {kind: [signer.public_key for signer in signers] for kind, signers in made.items()}
        self._repository.create(public, {ROOT: 2, TARGETS: 2, ONLINE: 1}, self._ring)
        self._authority = Authority.create(folder / "authority")
        _, key = self._authority.issue_device("kiosk")
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise TypeError("the authority made a key of another kind")
        self._publisher = Publisher(self._repository, folder / "private")
        self._shelf = Shelf(folder / "lists")
        self._follower = Follower(Shelf(folder / "kiosk"), Identity("kiosk", private), Engines(finger.ENGINE, FACES))

    def step(self, version: str, people: int, things: int, changed: tuple[int, int]) -> dict[str, float]:
        """Build, publish and follow one list; seconds and bytes of each."""
        began = time.perf_counter()
        snapshot = self._shelf.publish(
            entries(people, changed[0]),
            finger_engine=finger.ENGINE,
            face_engine=FACES,
            version=version,
            numbers=numbers(things, changed[1]),
        )
        built = time.perf_counter()
        latest = self._publisher.publish(snapshot, read_devices(self._authority.folder), self._ring)
        published = time.perf_counter()
        time_known = TrustedTime(self._follower.state / "time", Clock())
        root = (self._repository.metadata / "1.root.json").read_bytes()
        source = TrustedSource.folder(self._folder / "repository", self._follower.state, root, time_known)
        processor = time.process_time()
        outcome = self._follower.update(source)
        done = time.perf_counter()
        return {
            "how": outcome.how,  # type: ignore[dict-item]  # The one text.
            "build_s": built - began,
            "publish_s": published - built,
            "follow_s": done - published,
            "follow_processor_s": time.process_time() - processor,
            "whole_bytes": latest.full.bytes,
            "change_bytes": latest.steps[-1].stream.bytes if latest.steps else 0,
        }


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(
        prog="./scripts/bench updates",
        description="What an update of a watchlist costs: bytes and seconds of a change and of the whole.",
        epilog="example: ./scripts/bench updates --people 50000 --numbers 2000000 --json updates.json",
    )
    parser.add_argument("--people", type=int, default=10_000, help="people on the list (default 10000)")
    parser.add_argument("--numbers", type=int, default=1_000_000, help="documents by number (default 1000000)")
    parser.add_argument(
        "--share", type=float, default=1 / 300, help="withdrawn, added and changed, each (default a third of 1 %%)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    changed = (round(options.people * options.share), round(options.numbers * options.share))
    with tempfile.TemporaryDirectory(prefix="hotspotd-updates-") as folder:
        country = Country(Path(folder))
        _ERR.print(f"building {options.people} people and {options.numbers} numbers, twice", style="dim")
        whole = country.step("one", options.people, options.numbers, (0, 0))
        change = country.step("two", options.people, options.numbers, changed)
    share = change["change_bytes"] / change["whole_bytes"]
    result = {"people": options.people, "numbers": options.numbers, "changed": 3 * options.share}
    result |= {"whole": whole, "change": change, "change_share": share}
    for name, step in (("whole", whole), ("change", change)):
        size = step["change_bytes"] or step["whole_bytes"]
        print(
            f"{name:7} {step['how']:6} {size / 1e6:9.2f} MB   build {step['build_s']:6.1f} s   "
            f"publish {step['publish_s']:6.1f} s   follow {step['follow_s']:6.1f} s "
            f"({step['follow_processor_s']:.1f} s of processor)"
        )
    print(f"{300 * options.share:.2f} % changed costs {100 * share:.2f} % of the whole")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
