"""``hotspotctl evaluate names``: how well the name scorer tells persons apart, on labelled pairs of names."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from hotspotd.cli import det_plot, names_plot
from hotspotd.cli.measuring import check_writable, give, progress_bar
from hotspotd.cli.output import Exit, people, print_table
from hotspotd.watchlist.names.evaluation import Report, measure, read_pairs, report
from hotspotd.watchlist.names.scoring import PER_MISSING, PER_WORST, SAME_NAME

_MOST_LEFT_OUT_SHOWN = 20


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    names = commands.add_parser(
        "names",
        help="precision and recall of the comparison of names, on labelled pairs",
        description="Scores every pair of FILE, a CSV in UTF-8 with the columns name1, name2 and is_match (true or\n"
        "false); other columns are left alone. Names may be in any script; a date of birth is not counted.\n"
        "Best F1 is that of the best threshold on this file; precision and recall are told there and at the\n"
        "operating threshold. Calibration: of the pairs said to match with some probability, the share that\n"
        "do. Cross-validated: the scorer's three numbers fitted anew on four fifths of the file and judged on\n"
        "the rest, twenty times; far below the fit on the whole file it would have learnt the file by heart.",
        epilog="examples:\n"
        "  hotspotctl evaluate names pairs.csv\n"
        "  hotspotctl evaluate names pairs.csv --json result.json --plot names.png\n\n"
        "exit codes: 0 measured, 1 measured, but lines could not be used (they count nowhere), 2 wrong usage,\n"
        "3 not measured",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names.add_argument("file", type=Path, metavar="FILE", help="CSV of labelled pairs")
    names.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON; - is standard output")
    names.add_argument(
        "--plot",
        type=det_plot.picture_path,
        metavar="FILE",
        help="draw precision over recall, and the calibration, as .png, .svg or .pdf (matplotlib)",
    )
    names.set_defaults(run=_names)


def _names(arguments: argparse.Namespace) -> Exit:
    if arguments.plot:
        det_plot.require()
    check_writable(arguments.json, arguments.plot)
    pairs, left_out = read_pairs(arguments.file)
    with progress_bar() as progress:
        task = progress.add_task("pairs", total=len(pairs))
        measures, us = measure(pairs, scored=partial(progress.advance, task))
    found = report(arguments.file, pairs, left_out, measures, us)
    if arguments.plot:
        names_plot.draw(found, measures, [pair.same for pair in pairs], arguments.plot)
    give(found, arguments.json, tell)
    return Exit.PROBLEMS if left_out else Exit.OK


def tell(found: Report) -> None:
    """The figures, for people."""
    rows = [
        (name, f"{at.threshold:.3f}", f"{at.f1:.3f}", f"{at.precision:.3f}", f"{at.recall:.3f}")
        for name, at in (("best", found.best), ("operating", found.operating))
    ]
    print_table(("threshold", "probability", "F1", "precision", "recall"), rows)
    out = people()
    out.print(
        f"\n{found.pairs} pairs, {found.matches} of one person; {found.us_per_pair:.0f} µs a pair on one thread.",
        soft_wrap=True,
    )
    crossed = found.cross_validated
    if crossed is None:
        out.print("Not cross-validated: too few pairs of one person or of two.", soft_wrap=True)
    else:
        out.print(
            f"Cross-validated ({crossed.repeats} x {crossed.folds} folds): best F1 {crossed.best_f1:.3f} "
            f"± {crossed.spread:.3f}; fitted and judged on all of it {crossed.resubstituted:.3f}.\n"
            f"Fitted here: same name {crossed.same_name:.2f}, per worst {crossed.per_worst:.2f}, per missing "
            f"{crossed.per_missing:.2f}; in use: {SAME_NAME:.2f}, {PER_WORST:.2f}, {PER_MISSING:.2f}.",
            soft_wrap=True,
        )
    print()
    print_table(
        ("probability", "pairs", "mean", "share that match"),
        [
            (f"{b.begin:.1f} to {b.end:.1f}", str(b.pairs), f"{b.mean:.2f}", f"{b.matched:.2f}")
            for b in found.calibration
        ],
    )
    out.print(f"mean distance {found.calibration_error:.3f}", soft_wrap=True)
    if found.left_out:
        print()
        shown = found.left_out[:_MOST_LEFT_OUT_SHOWN]
        print_table(("line", "left out because"), [(str(one.line), one.what) for one in shown])
        if len(found.left_out) > len(shown):
            print(f"and {len(found.left_out) - len(shown)} more; --json lists all")
