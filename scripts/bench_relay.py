"""The relay on a thin, far and lossy line: a traveller's check, a backlog with travellers coming meanwhile, cuts.

A kiosk and the reference gateway, each a process in a network namespace of its own, are joined by a line with the rate,
round trip and loss of the options; what the line really does is measured and stands in the result. Needs root.
docs/relay-figures.md has what was found, and how.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from demonstration.processes import ProcessError
from lines import backlog, cuts, live
from lines.backlog import Plan
from lines.connected import Connected, connected
from lines.ends import end_as_interrupted
from lines.line import CONGESTION, Line, LineError
from lines.medium import Kind
from lines.survey import survey
from rich.console import Console

from hotspotd.errors import RelayError

PARTS = ("line", "live", "backlog", "cuts")
_QUICK_CUTS = 64
_ERR = Console(stderr=True)


def measure_line(options: argparse.Namespace, kind: Kind) -> dict[str, Any]:
    """The line without any relay."""
    size = 20_000 if options.quick else 200_000
    with laid(options, kind) as line:
        found = survey(
            line, seconds=2.0 if options.quick else 20.0, probes=500 if options.quick else 4000, tcp_bytes=size
        )
    return {**asdict(kind), "congestion": options.congestion, "shaper": options.shaper, "measured": found.as_json()}


def laid(options: argparse.Namespace, kind: Kind) -> Line:
    """The line that was asked for."""
    return Line(kind, seed=options.seed, congestion=options.congestion, shaper=options.shaper)


async def measure_live(options: argparse.Namespace, ends: Connected) -> dict[str, Any]:
    """One traveller after the other."""
    gap_s = 1.0 if options.quick else 30.0
    return await live.measure(ends, options.runs, gap_s, options.seed)


async def measure_backlog(options: argparse.Namespace, ends: Connected) -> dict[str, Any]:
    """A backlog, and travellers meanwhile."""
    plan = Plan(options.backlog, options.live_every, options.longest, options.seed)
    return await backlog.measure(ends, plan)


async def between(options: argparse.Namespace, line: Line, part: str) -> dict[str, Any]:
    """One part with fresh processes and databases at the ends of ``line``."""
    measures = {"live": measure_live, "backlog": measure_backlog}
    with tempfile.TemporaryDirectory(prefix="hotspotd-relay-") as folder:
        async with connected(Path(folder), line) as ends:
            return await measures[part](options, ends)


def measure_cuts(options: argparse.Namespace) -> dict[str, Any]:
    """Uploads that are cut."""
    with tempfile.TemporaryDirectory(prefix="hotspotd-relay-") as folder:
        return asyncio.run(cuts.measure(Path(folder), options.stride, _QUICK_CUTS if options.quick else None))


def measure(options: argparse.Namespace, kind: Kind) -> dict[str, Any]:
    """Every part that was asked for. Raises LineError, ProcessError, RelayError, TimeoutError."""
    asked = {name: value for name, value in vars(options).items() if name not in {"only", "json"}}
    result: dict[str, Any] = {"options": asked}
    for part in options.only.split(","):
        _ERR.print(f"measuring: {part}", style="dim")
        if part == "line":
            result[part] = measure_line(options, kind)
        elif part == "cuts":
            result[part] = measure_cuts(options)
        else:
            with laid(options, kind) as line:
                result[part] = asyncio.run(between(options, line, part))
        print(json.dumps({part: result[part]}), flush=True)
    return result


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        prog="./scripts/bench relay",
        description="The relay on a thin, far and lossy line. Needs root.",
        epilog="example: ./scripts/bench relay --backlog 2000 --rate 8000 --round-trip 40 --loss 0 --only backlog",
    )
    parser.add_argument("--only", default=",".join(PARTS), metavar="PARTS", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--runs", type=int, default=20, help="travellers one after the other (default 20)")
    parser.add_argument("--backlog", type=int, default=40, help="travellers that wait for the line (default 40)")
    parser.add_argument("--live-every", type=float, default=60.0, metavar="S", help="a traveller comes meanwhile (60)")
    parser.add_argument("--longest", type=float, default=3600.0, metavar="S", help="a backlog may take (default 3600)")
    parser.add_argument("--stride", type=int, default=61, help="cut at every so manieth byte of an upload (default 61)")
    parser.add_argument("--rate", type=float, default=64, metavar="KBIT", help="kbit/s each way (default 64)")
    parser.add_argument("--round-trip", type=float, default=600, metavar="MS", help="ms (default 600)")
    parser.add_argument("--loss", type=float, default=2, metavar="PERCENT", help="of packets each way (default 2)")
    parser.add_argument("--congestion", default=CONGESTION, help=f"control of TCP (default {CONGESTION})")
    parser.add_argument("--shaper", choices=("line", "tbf"), default="line", help="what limits the rate")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="few runs on a faster line: whether it works, no figures")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if not set(options.only.split(",")) <= set(PARTS):
        parser.error(f"--only takes some of {', '.join(PARTS)}, with commas")
    if options.quick:
        options.runs, options.backlog, options.live_every = 2, 6, 1.0
        options.rate, options.round_trip, options.loss = 2000, 40, 0.5
    return options


def main(arguments: list[str] | None = None) -> int:
    """Measure; 0 when that could be done, whatever came out."""
    options = parse(arguments)
    end_as_interrupted()
    kind = Kind(rate_bit_s=options.rate * 1000, round_trip_s=options.round_trip / 1000, loss=options.loss / 100)
    try:
        result = measure(options, kind)
    except (LineError, ProcessError, RelayError, TimeoutError) as error:
        _ERR.print(f"bench relay: {error}", style="red", markup=False)
        return 3
    except KeyboardInterrupt:
        return 130
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
