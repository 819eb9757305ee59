"""``hotspotctl evaluate``: error rates and speed of this machine's engines, on the operator's own pictures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from hotspotd.biometrics.finger import calibration
from hotspotd.biometrics.finger.evaluation import Errors, Report, SetReport, report, write_scores
from hotspotd.cli import det_plot, evaluate_faces, evaluate_liveness, evaluate_names
from hotspotd.cli.measuring import add_folders, check_writable, give, measure_folders, write_whole
from hotspotd.cli.output import Exit, people, print_table

_MOST_FAILURES_SHOWN = 20


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser("evaluate", help="measure error rates and speed", description="Measures the engines.")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    fingers = commands.add_parser(
        "fingers",
        help="error rates and cost of fingerprint comparison, by the FVC protocol",
        description="Enrols every picture {finger}_{impression}.* of each DIR and compares them by the protocol of\n"
        "the Fingerprint Verification Competitions. Genuine: every two impressions of one finger. Impostor:\n"
        '"fvc", the first impressions of every two fingers; "all", every two impressions of different\n'
        "fingers. FMR100, FMR1000 and zeroFMR are the lowest FNMR with an FMR of at most 1 %, 0.1 %, and\n"
        "with no false match. A picture without a template counts as failure to enrol, and each of its\n"
        "comparisons as a non-match. Times are of one thread.",
        epilog="examples:\n"
        "  hotspotctl evaluate fingers ./prints/*\n"
        "  hotspotctl evaluate fingers ./lane-1 --dpi 508 --json result.json --plot det.png\n"
        "  hotspotctl evaluate fingers ./lane-1 --scores scores.csv\n\n"
        "exit codes: 0 measured, 1 measured, but files could not be read as pictures (counted as failures\n"
        "to enrol), 2 wrong usage, 3 not measured",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_folders(fingers, required=True)
    fingers.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON; - is standard output")
    fingers.add_argument(
        "--plot",
        type=det_plot.picture_path,
        metavar="FILE",
        help="draw DET curves as .png, .svg or .pdf (matplotlib)",
    )
    fingers.add_argument("--scores", type=Path, metavar="FILE", help="write every comparison score as CSV")
    fingers.add_argument(
        "--calibration", type=Path, metavar="FILE", help="judge thresholds by this calibration, not the engine's own"
    )
    fingers.set_defaults(run=_fingers)
    evaluate_faces.add_to(commands)
    evaluate_liveness.add_to(commands)
    evaluate_names.add_to(commands)


def _fingers(arguments: argparse.Namespace) -> Exit:
    if arguments.plot:
        det_plot.require()
    check_writable(arguments.json, arguments.plot, arguments.scores)
    curve = calibration.read(arguments.calibration) if arguments.calibration else calibration.in_use()
    sets = measure_folders(arguments.folders, arguments.dpi, genuine=True)
    found = report(sets, arguments.dpi, curve)
    if arguments.scores:
        write_whole(arguments.scores, lambda file: write_scores(sets, file))
    if arguments.plot:
        det_plot.draw(sets, found, arguments.plot)
    give(found, arguments.json, tell)
    unreadable = any(failure.unreadable for one in found.sets for failure in one.failures)
    return Exit.PROBLEMS if unreadable else Exit.OK


def tell(found: Report) -> None:
    """The figures as a table, for people."""
    headings = (
        "set", "fingers x impressions", "fte", "EER % (95 %)", "FMR100", "FMR1000", "zeroFMR",
        "fvc: EER %", "FMR1000", "extract ms", "compare µs",
    )  # fmt: skip
    rows = [_row(one) for one in found.sets]
    if len(found.sets) > 1:
        pooled = found.pooled
        rows.append(
            (
                Text("pooled, one threshold", style="bold"), "", str(pooled.fte), *_all(pooled.all), *_fvc(pooled.fvc),
                _number(found.extract_ms), _number(found.compare_us),
            )
        )  # fmt: skip
        mean = pooled.mean_eer
        rows.append((Text("mean of the sets", style="bold"), "", "", f"{mean.all:.2f}", "", "", "", f"{mean.fvc:.2f}"))
    print_table(headings, rows)
    pairs = found.pooled.all
    out = people()
    out.print(
        f"\n{pairs.genuine} genuine and {pairs.impostor} impostor comparisons in all, engine {found.engine} "
        f"({found.kernels}), one thread; rates in percent.",
        soft_wrap=True,
    )
    for at in found.pooled.calibrated:
        out.print(
            f"A configured FMR of {at.threshold:g} misses {at.fnmr:.2f} % of the genuine comparisons; "
            f"{at.fmr:.4f} % of the impostors match.",
            soft_wrap=True,
        )
    failures = [(one.name, failure) for one in found.sets for failure in one.failures]
    if failures:
        print()
        shown = [(name, failure.picture, failure.what) for name, failure in failures[:_MOST_FAILURES_SHOWN]]
        print_table(("set", "failed to enrol", "why"), shown)
        if len(failures) > len(shown):
            print(f"and {len(failures) - len(shown)} more; --json lists all")


def _row(one: SetReport) -> Sequence[str | Text]:
    return (
        one.name, f"{one.fingers} x {one.impressions}", str(one.fte), *_all(one.all), *_fvc(one.fvc),
        _number(one.extract_ms), _number(one.compare_us),
    )  # fmt: skip


def _all(errors: Errors) -> tuple[str, str, str, str]:
    interval = "" if errors.eer_ci95 is None else f" ({errors.eer_ci95[0]:.1f} to {errors.eer_ci95[1]:.1f})"
    return (
        f"{errors.eer:.2f}{interval}", f"{errors.fmr100:.2f}", f"{errors.fmr1000:.2f}", f"{errors.zero_fmr:.2f}"
    )  # fmt: skip


def _fvc(errors: Errors) -> tuple[str, str]:
    return f"{errors.eer:.2f}", f"{errors.fmr1000:.2f}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"
