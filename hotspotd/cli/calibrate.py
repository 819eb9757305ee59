"""``hotspotctl calibrate``: what comparison scores are worth on the operator's own sensors."""

from __future__ import annotations

import argparse
from pathlib import Path

import msgspec

from hotspotd.biometrics.finger import ENGINE
from hotspotd.biometrics.finger.calibration import Calibration
from hotspotd.biometrics.finger.calibration_fit import FEWEST_PAIRS, fit
from hotspotd.biometrics.finger.evaluation import Scores, read_impostors
from hotspotd.cli import calibrate_faces
from hotspotd.cli.measuring import add_folders, check_writable, measure_folders, write_whole
from hotspotd.cli.output import Exit, complain, people, print_table

_RATES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser(
        "calibrate", help="fit scores to false match rates", description="Fits scores to false match rates."
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    fingers = commands.add_parser(
        "fingers",
        help="make a fingerprint calibration from your own scanners' prints",
        description="Compares every two pictures {finger}_{impression}.* of different fingers in each DIR, or takes\n"
        "the impostor scores of an evaluation, and fits the false match rate that a score is worth. Each DIR\n"
        f"(each set of the scores) is a group, of {FEWEST_PAIRS} comparisons at least; at each rate the worst group\n"
        "counts, at the upper end of its 95 % interval.\n\n"
        "How far down the rates are measured depends on the number of comparisons; eleven fingers measure\n"
        "10 %, a hundred fingers with eight impressions 0.01 %. Everything below is EXTRAPOLATED on the\n"
        "assumption that the scores fall off exponentially. That is an assumption about prints that nobody\n"
        "has compared: it ranks candidates, it is no proof. Nothing is claimed more than three and a half\n"
        "decades below what was measured, nor below 1e-6.",
        epilog="examples:\n"
        "  hotspotctl calibrate fingers ./lane-1 ./lane-2 --out /etc/hotspotd/finger-calibration.json\n"
        "  hotspotctl calibrate fingers --scores scores.csv --out finger-calibration.json\n\n"
        "Then name the file in hotspotd.toml, matching.finger_calibration.\n\n"
        "exit codes: 0 made, 1 made, but pictures had no template and were left out, 2 wrong usage, 3 not made",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_folders(fingers, required=False)
    fingers.add_argument("--scores", type=Path, metavar="FILE", help="scores that evaluate fingers --scores wrote")
    fingers.add_argument("--out", type=Path, metavar="FILE", required=True, help="the calibration to write")
    fingers.set_defaults(run=_fingers)
    calibrate_faces.add_to(commands)


def _fingers(arguments: argparse.Namespace) -> Exit:
    if bool(arguments.folders) == bool(arguments.scores):
        complain("give folders of pictures, or --scores FILE")
        return Exit.USAGE
    check_writable(arguments.out)
    left_out = 0
    if arguments.scores:
        groups: dict[str, Scores] = read_impostors(arguments.scores)
    else:
        sets = measure_folders(arguments.folders, arguments.dpi, genuine=False)
        groups = {one.name: one.measured.impostor_scores for one in sets}
        for one in sets:
            left_out += len(one.measured.failures)
            for failure in one.measured.failures:
                complain(f"{one.name}: {failure.picture} is left out: {failure.what}")
    made = fit(groups, ENGINE, "hotspotctl calibrate fingers: worst group at each rate, exponential tail below")
    text = msgspec.json.format(msgspec.json.encode(made), indent=1).decode() + "\n"
    write_whole(arguments.out, lambda file: file.write(text))
    _tell(made, arguments.out)
    return Exit.PROBLEMS if left_out else Exit.OK


def _tell(made: Calibration, path: Path) -> None:
    rows = []
    for rate in _RATES:
        if rate < made.floor:
            rows.append((f"{rate:g}", "none", f"never claimed: the floor is {made.floor:g}"))
        else:
            basis = "measured" if rate >= made.measured_down_to else "extrapolated"
            rows.append((f"{rate:g}", f"{made.threshold(rate):.3f}", basis))
    print_table(("FMR", "score from", ""), rows)
    groups = ", ".join(f"{group.name} ({group.pairs})" for group in made.groups)
    people().print(
        f"\n{path}: engine {made.engine}, {made.impostor_pairs} impostor comparisons: {groups}. "
        f"Measured down to {made.measured_down_to:g}.\n"
        f"A matching.finger_fmr below {made.floor:g} would match nothing, and is refused with it.",
        soft_wrap=True,
    )
