"""``./scripts/faults``: kill the daemon at random moments, with the link up and down, and count what was lost.

Every encounter that the daemon recorded must be checked, and answered by the gateway exactly once, and nothing that it
did not record may be there. The moments are random but seeded; each round is one traveller at a lane.

With ``--transactions`` it is the relay alone that is tried, with many more of them and more that goes wrong
(``lines.campaign``): travellers come to a kiosk without lanes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
from lines.campaign import Campaign, Plan
from lines.ends import end_as_interrupted
from rich.console import Console
from rich.progress import track

from demonstration.play import Visit
from demonstration.processes import ProcessError
from demonstration.stage import Stage
from demonstration.travellers import TRAVELLERS

_ERR = Console(stderr=True)
# A visit takes about two seconds without turns of the head: kills fall before, within and after it.
_LATEST_KILL_S = 3.0
_DRAIN_S = 60.0


@dataclass(slots=True)
class Count:
    """What happened over all rounds.

    ``lost``: recorded, and never answered; ``twice``: answered more than once, by the gateway's count or in the kiosk's
    own records; ``unrecorded``: at the gateway, and not here; ``unchecked``: recorded, and without a local result.
    """

    rounds: int = 0
    kills: int = 0
    cuts: int = 0
    recorded: int = 0
    answered_once: int = 0
    lost: int = 0
    twice: int = 0
    unrecorded: int = 0
    unchecked: int = 0

    @property
    def ok(self) -> bool:
        """Nothing lost, nothing twice, nothing left unchecked."""
        return not (self.lost or self.twice or self.unrecorded or self.unchecked) and self.recorded > 0


async def _round(stage: Stage, chance: random.Random, count: Count) -> None:
    # Plain visits: the twists of the others are played here by chance.
    traveller = chance.choice([t for t in TRAVELLERS if t.key in "ab"])
    visit = asyncio.create_task(Visit(stage, traveller, lambda _: None).play())
    if chance.random() < 0.5:
        stage.cables.cut()
        count.cuts += 1
    await asyncio.wait([visit], timeout=chance.uniform(0, _LATEST_KILL_S))
    await stage.kill_daemon()
    count.kills += 1
    visit.cancel()
    await asyncio.wait([visit])
    await stage.scanner.lift()
    if chance.random() < 0.5:
        stage.cables.mend()
    await stage.start_daemon()
    count.rounds += 1


def _query(database: Path, query: str) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


async def _drained(database: Path) -> None:
    """Wait until every encounter is checked and answered, but not for ever: what is missing then is counted as lost."""
    waiting = "SELECT id FROM encounter WHERE gateway_outcome IS NULL OR local_outcome IS NULL"
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            while await asyncio.to_thread(_query, database, waiting):  # noqa: ASYNC110  # Another process's file.
                await asyncio.sleep(0.2)


async def _campaign(folder: Path, rounds: int, seed: int) -> Count:
    chance, count = random.Random(seed), Count()
    async with Stage(folder, lambda text: _ERR.print(text, style="dim"), liveness="off") as stage:
        for _ in track(range(rounds), description="killing", console=_ERR):
            await _round(stage, chance, count)
        stage.cables.mend()
        database = folder / "records.db"
        await _drained(database)
        by_tcn = (await stage.gateway_status())["by_tcn"]
        rows = await asyncio.to_thread(_query, database, "SELECT tcn, gateway_outcome, local_outcome FROM encounter")
        repeated = await asyncio.to_thread(_query, database, "SELECT tcr FROM reply GROUP BY tcr HAVING count(*) > 1")
    recorded = {row[0] for row in rows}
    answered = {row[0] for row in rows if row[1]}
    several = {tcn for tcn, counts in by_tcn.items() if counts["processed"] > 1 or counts["replies"] > 1}
    count.recorded = len(recorded)
    count.lost = len(recorded - answered)
    count.twice = len(several | {row[0] for row in repeated})
    count.answered_once = len(answered - several - {row[0] for row in repeated})
    count.unrecorded = len(set(by_tcn) - recorded)
    count.unchecked = sum(not row[2] for row in rows)
    return count


async def _relay_campaign(folder: Path, plan: Plan) -> dict[str, Any]:
    tally = await Campaign(folder, plan, lambda text: _ERR.print(text, style="dim")).run()
    return {"ok": tally.ok, **asdict(tally)}


async def _lane_campaign(folder: Path, rounds: int, seed: int) -> dict[str, Any]:
    count = await _campaign(folder, rounds, seed)
    return {"ok": count.ok, **asdict(count)}


def _run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    if options.transactions is None:
        return asyncio.run(_lane_campaign(folder, options.rounds, options.seed))
    return asyncio.run(_relay_campaign(folder, Plan(options.transactions, options.kills, options.seed)))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./scripts/faults",
        description="Kill the daemon at random moments and count what was lost or came twice.",
        epilog="examples: ./scripts/faults --rounds 50 --seed 7 --json faults.json; "
        "./scripts/faults --transactions 10000 --kills 200 --keep campaign",
    )
    parser.add_argument("--rounds", type=int, default=20, help="how many travellers, each with one kill (default 20)")
    parser.add_argument(
        "--transactions",
        type=int,
        metavar="N",
        help="the relay alone, with so many, faults on the wire, and a gateway that misbehaves and crashes",
    )
    parser.add_argument("--kills", type=int, default=200, help="of the kiosk, with --transactions (default 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the moments (default 1)")
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="with --transactions: work here and go on with what was begun here"
    )
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.keep is not None and options.transactions is None:
        parser.error("--keep goes with --transactions")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaign; exit 0 when nothing was lost and nothing came twice."""
    options = _options(arguments)
    end_as_interrupted()
    with contextlib.ExitStack() as stack:
        folder = options.keep
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hotspotd-faults-")))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            result = _run(options, folder)
        except (ProcessError, TimeoutError, OSError, aiohttp.ClientError) as error:
            _ERR.print(f"the campaign could not be finished: {error}", style="red", markup=False)
            return 3
        except KeyboardInterrupt:
            return 130
    sys.stdout.write(json.dumps(result) + "\n")
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
