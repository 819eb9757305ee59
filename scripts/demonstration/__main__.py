"""``./scripts/demo``: one lane with its gateway and emulated devices.

Without options it keeps everything running, prints where the screens are, and lets one traveller after another
come by until Ctrl-C. With --once each traveller comes once and a table is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import signal
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from demonstration import materials
from demonstration.play import Visit
from demonstration.processes import ProcessError
from demonstration.result import Result
from demonstration.rigs import READERS, SCANNERS
from demonstration.stage import BADGE, Stage
from demonstration.travellers import TRAVELLERS, Traveller
from demonstration.world import LANE

EXIT_UNEXPECTED = 1
EXIT_USAGE = 2
EXIT_CANNOT = 3
_OUT = Console()
_ERR = Console(stderr=True)
# Time for a person at the screens to look at what a traveller left behind.
_PAUSE_S = 6.0
_PACE_S = 1.5


def _say(text: str) -> None:
    _ERR.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim]  {text}", highlight=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./scripts/demo",
        description="One lane with its gateway and emulated devices, and travellers who use it.",
        epilog="examples: ./scripts/demo | ./scripts/demo --once | ./scripts/demo --once --json result.json --only bf"
        " | ./scripts/demo --once --scanner libfprint",
    )
    parser.add_argument(
        "--once", action="store_true", help="each traveller once, then a table; exit 1 if one is not as expected"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="with --once: write the results to FILE")
    parser.add_argument("--only", metavar="LETTERS", default="", help="only these travellers, such as 'bf'")
    parser.add_argument(
        "--port", type=int, default=None, help="port of the screens (default 8480, with --once a free one)"
    )
    parser.add_argument(
        "--scanner", choices=list(SCANNERS), default="serial", help="the fingerprint scanner (default serial: an R307)"
    )
    parser.add_argument(
        "--document",
        choices=list(READERS),
        default="serial",
        help="what reads documents (default a serial reader): camera, above the desk; chip: the serial reader, and "
        "passports with chips on a virtual PC/SC reader beside it",
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep logs and databases in this (new) folder")
    return parser.parse_args()


async def _once(stage: Stage, travellers: list[Traveller], pace_s: float = 0.0) -> list[Result]:
    results = []
    for traveller in travellers:
        _say(f"[bold]{traveller.key}[/bold]  {traveller.name}")
        result = await Visit(stage, traveller, lambda text: _say(f"   {text}"), pace_s=pace_s).play()
        _say(
            f"   local {result.local}, gateway {result.gateway}" + "".join(f"; [red]{p}[/red]" for p in result.problems)
        )
        results.append(result)
    return results


async def _for_ever(stage: Stage, travellers: list[Traveller]) -> None:
    _OUT.print(f"\n[bold]Traveller[/bold]  {stage.url}/traveller/{LANE}")
    _OUT.print(f"[bold]Officer[/bold]    {stage.url}/guard   badge {BADGE}, PIN {stage.pin}")
    _OUT.print(f"[bold]Bureau[/bold]     {stage.bureau.url}")
    _OUT.print("Ctrl-C ends it.\n")
    for traveller in itertools.cycle(travellers):
        await _once(stage, [traveller], _PACE_S)
        await asyncio.sleep(_PAUSE_S)


def _table(results: list[Result]) -> Table:
    table = Table(title=f"One lane, {len(results)} travellers ({materials.source()})")
    for heading in ("traveller", "local", "gateway", "ms", "expected", ""):
        table.add_column(heading, justify="right" if heading == "ms" else "left")
    for result in results:
        t = result.traveller
        late = " (late)" if "late" in result.alerts else ""
        table.add_row(
            f"{t.key}  {t.name}",
            result.local,
            result.gateway + late,
            "" if result.local_ms is None else f"{result.local_ms:.0f}",
            f"{t.expected_local}, {t.expected_gateway}" + (" (late)" if t.expected_alert == "late" else ""),
            "[green]ok[/green]" if result.ok else f"[red]{'; '.join(result.problems)}[/red]",
        )
    return table


async def _run(options: argparse.Namespace, folder: Path) -> int:
    travellers = [t for t in TRAVELLERS if not options.only or t.key in options.only]
    if options.document == "camera" and any(t.misread_lines for t in travellers):
        _say("left out: whose zone is invalid; a camera gives no zone that its check digits refute")
        travellers = [t for t in travellers if not t.misread_lines]
    if not travellers:
        _ERR.print(f"no traveller is called any of '{options.only}': use letters from a to k", highlight=False)
        return EXIT_USAGE
    port = options.port if options.port is not None else (0 if options.once else 8480)
    task = asyncio.current_task()
    if task is not None:
        # A closed terminal ends it as well: nothing is left running behind.
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    only = {traveller.key for traveller in travellers}
    async with Stage(folder, _say, port, scanner=options.scanner, document=options.document, only=only) as stage:
        if not options.once:
            await _for_ever(stage, travellers)
            return 0
        results = await _once(stage, travellers)
    _OUT.print(_table(results))
    for result in results:
        for note in result.notes:
            _OUT.print(f" {result.traveller.key}  {note}", highlight=False, markup=False, soft_wrap=True)
    _OUT.print(f"{sum(result.ok for result in results)} of {len(results)} as expected", highlight=False)
    ok = all(result.ok for result in results)
    if options.json is not None:
        document = {"ok": ok, "prints": materials.source(), "travellers": [result.row() for result in results]}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0 if ok else EXIT_UNEXPECTED


def main() -> int:
    """Play."""
    options = _arguments()
    try:
        if options.keep is not None:
            options.keep.mkdir(parents=True)
            return asyncio.run(_run(options, options.keep.resolve()))
        with tempfile.TemporaryDirectory(prefix="hotspotd-demo-") as folder:
            return asyncio.run(_run(options, Path(folder)))
    except KeyboardInterrupt:
        return 130
    except asyncio.CancelledError:
        return 143
    except (ProcessError, OSError) as error:
        _ERR.print(str(error), style="red", markup=False, highlight=False)
        return EXIT_CANNOT


if __name__ == "__main__":
    sys.exit(main())
