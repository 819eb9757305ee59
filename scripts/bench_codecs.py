"""``./scripts/bench codecs``: damaged INT-I transactions by the hundred thousand, in both encodings.

Each input is read, and where it can be read it is checked, written, converted and understood. What must come is a
result or a RelayError; any other exception ends the run with the seed that makes it. Told are inputs a second, how many
could be read, the slowest input and the peak of resident memory. Seeded: the same ``--seed`` gives the same inputs.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec

from hotspotd.domain.candidate import Determination
from hotspotd.errors import RelayError
from hotspotd.relay import images
from hotspotd.relay.inti import either, itl, reader
from hotspotd.relay.inti.check import check
from hotspotd.relay.inti.convert import convert_lossy
from hotspotd.relay.inti.record import Encoding, Field, Foreign, Package, Record, record
from hotspotd.relay.inti.transaction import (
    Comparison,
    Descriptive,
    FaceRecord,
    FieldError,
    Header,
    ListEntry,
    MiscellaneousNumber,
    MissingPrint,
    NationalNumber,
    Organisation,
    PersonName,
    Picture,
    PrintRecord,
    RankedCandidate,
    Respondents,
    SearchResult,
    Subject,
    Transaction,
    TransactionType,
)
from hotspotd.relay.inti.writer import package

_HOSTILE = (
    *(bytes([one]) for one in (0, 0x1C, 0x1D, 0x1E, 0x1F, 0x3C, 0x3E, 0x26, 0x22, 0xFF)),
    *(b"14.999:", b"4.001:", b"999999999", b"-1", b"\xf0\x9d\x94\x84", b"\xc3", b"<!DOCTYPE a>", b"<![CDATA[", b"]]>"),
    *(b"&#0;", b"&amp;", b"&x;", b"<a xmlns='b'/>", b"xmlns=''", b" a=''", b"<!--", b"-->", b"<?x ?>"),
    *(b"\xff\xff\xff\xff", b"\x00\x00\x00\x12", b"1e999", b"nan", "٢".encode(), b"00", b"0" * 40),
)


def _seeds() -> list[bytes]:
    """Sound transactions of both encodings, with every kind of field and record that is understood."""
    one = Organisation(identifier="KIOSK-01", name="Border police", country="UTO")
    name = PersonName(given="ANNA MARIA", surname="ERIKSSON", extended="Анна")
    picture = Picture(data=bytes(range(48)), compression="NONE", width=6, height=8, scale=1)
    scar = MissingPrint(position=2, code="SR")
    inquiry = Transaction(
        header=Header(
            tot=TransactionType.NPS, tcn="T1", date="2026-11-22", utc="2026-11-22T10:00:00+01:00", origin=one
        ),
        descriptive=(
            Descriptive(
                captured_by=one,
                subject=Subject(name=name, aliases=(name, name), birth_date="1974-08-12", sex="F"),
                civil_code="VIS",
                orn=NationalNumber(country="UTO", number="E1"),
                numbers=(MiscellaneousNumber(kind="ICAO9303", number="L898902C3"),),
            ),
        ),
        faces=(FaceRecord(idc=1, picture=picture, captured_on="2026-11-22"),),
        prints=(PrintRecord(idc=2, position=2, picture=picture, missing=(scar,), quality=7),),
    )
    hit = Respondents(result=SearchResult.HIT, total=2, candidates=(RankedCandidate(sequence=1, verify=True),) * 2)
    entry = ListEntry(
        notice="red", cautions=("armed",), comparisons=(Comparison(modality="face", score=1.5, fmr=1e-6),)
    )
    reply = Transaction(
        header=Header(tot=TransactionType.SRE, tcn="R1", tcr="T1", origin=one),
        descriptive=(
            Descriptive(respondents=hit, determination=Determination.UNCONFIRMED, entry=entry),
            Descriptive(idc=1, errors=(FieldError(code="112", field="DOB", text="invalid date"),)),
        ),
    )
    minutiae = record(9, [(1, [["9"]]), (2, [["3"]]), (4, [["false"]]), (137, [["0", "1", "2", "3", "1", "50"]] * 9)])
    sizes = [(5, [["0"]]), (6, [["6"]]), (7, [["8"]]), (8, [["0"]])]
    grey = record(4, [(2, [["4"]]), (3, [["0"]]), (4, [["2"]]), *sizes], bytes(48))
    strange = Record(type=2, foreign=(Foreign(parents=(), position=0, xml="<a><b c='d'>e</b></a>"),))
    whole = package(inquiry)
    packages = [whole, package(reply), _with(whole, minutiae, grey)]
    traditional = [convert_lossy(one, Encoding.TRADITIONAL)[0] for one in packages]
    return [either.write(one) for one in (*packages, _with(whole, strange), *traditional)]


def _with(whole: Package, *records: Record) -> Package:
    listed = [(str(one.type), one.idc) for one in (*whole.records[1:], *records)]
    content = Field(number=3, subfields=(("1", str(len(listed))), *listed))
    fields = tuple(content if field.number == 3 else field for field in whole.header.fields)
    header = Record(type=1, fields=fields)
    return Package(encoding=whole.encoding, records=(header, *whole.records[1:], *records))


def _damaged(rng: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        if not data:
            break
        start = rng.randrange(len(data))
        end = min(len(data), start + rng.choice((0, 1, 1, 4, 30, 300)))
        match rng.randrange(6):
            case 0:
                data[start] ^= 1 << rng.randrange(8)
            case 1:
                del data[start:end]
            case 2:
                data[start:start] = data[start:end] * rng.choice((1, 2, 50))
            case 3:
                data[start:end] = rng.choice(_HOSTILE)
            case 4:
                other = rng.choice(seeds)
                place = rng.randrange(len(other))
                data[start:end] = other[place : place + rng.randrange(200)]
            case _:
                data[start : start + 4] = rng.randbytes(4)
    return bytes(data)


def _refilled(rng: random.Random, data: bytes) -> bytes:
    """A transaction that can be read, with a few texts that are not what they should be."""
    whole = either.read(data)
    records = list(whole.records)
    for _ in range(rng.choice((1, 2, 5))):
        place = rng.randrange(len(records))
        fields = list(records[place].fields)
        if not fields:
            continue
        chosen = rng.randrange(len(fields))
        texts = [rng.choice(_HOSTILE).decode("utf-8", "replace") for _ in range(rng.randrange(8))]
        several = tuple(tuple(texts[: rng.randrange(8)]) or ("",) for _ in range(rng.choice((1, 1, 2, 40))))
        fields[chosen] = Field(number=rng.choice((fields[chosen].number, rng.randrange(1000))), subfields=several)
        records[place] = msgspec.structs.replace(records[place], fields=tuple(fields))
    try:
        return either.write(msgspec.structs.replace(whole, records=tuple(records)))
    except RelayError:
        return data


def _work(data: bytes) -> str:
    """What became of an input. Raises what must not be raised."""
    steps: tuple[Callable[[Package], object], ...] = (
        lambda read: check(read, images.size_of),
        either.write,
        lambda read: either.write(convert_lossy(read, Encoding.TRADITIONAL)[0]),
        lambda read: reader.transaction(convert_lossy(read, Encoding.XML)[0]),
    )
    try:
        read = either.read(data)
    except RelayError:
        return "refused"
    if read.encoding is Encoding.TRADITIONAL and itl.write(read) != data:
        raise AssertionError("a file that was read is not written as it was")
    refused = 0
    for step in steps:
        try:
            step(read)
        except RelayError:
            refused += 1
    return "read in part" if refused else "read"


def measure(inputs: int, seed: int, tell: Callable[[int], object]) -> dict[str, int | float]:
    """Work on so many inputs. Raises whatever an input makes that is no RelayError; ``tell`` is called now and then."""
    seeds = _seeds()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    counted: Counter[str] = Counter()
    slowest, started = 0.0, time.process_time()
    for number in range(inputs):
        key = f"{seed}/{number}"
        rng = random.Random(key)
        data = _damaged(rng, seeds) if rng.randrange(3) else _refilled(rng, rng.choice(seeds))
        begun = time.process_time()
        try:
            counted[_work(data)] += 1
        except Exception:
            print(f"input {key} of {len(data)} bytes:", file=sys.stderr)
            raise
        slowest = max(slowest, time.process_time() - begun)
        if number % 1000 == 0:
            tell(number)
    spent = time.process_time() - started
    return {
        "inputs": inputs,
        "seed": seed,
        **{name.replace(" ", "_"): counted[name] for name in ("read", "read in part", "refused")},
        "inputs_per_cpu_second": round(inputs / max(spent, 1e-9)),
        "slowest_ms": round(slowest * 1000, 1),
        "memory_before_mb": before // 1024,
        "memory_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> int:
    """Run, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()

    def tell(number: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{number:>10} of {arguments.inputs}", end="", file=sys.stderr, flush=True)

    text = json.dumps(measure(arguments.inputs, arguments.seed, tell), indent=2)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
