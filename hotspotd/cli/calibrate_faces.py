"""``hotspotctl calibrate faces``: what face scores are worth on an authority's own pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from hotspotd.biometrics.calibration import Calibration, fpir
from hotspotd.biometrics.face import calibration
from hotspotd.biometrics.face import evaluation as ev
from hotspotd.cli.evaluate_faces import enrol_with_bar
from hotspotd.cli.face_models import add_models, open_engine
from hotspotd.cli.measuring import check_writable, distinct, write_whole
from hotspotd.cli.output import Exit, complain, people, print_table
from hotspotd.errors import BiometricError, Reason

_RATES = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
_LISTED = 10_000
_MOST_PICTURES = 4000
"""Of one folder: eight million pairs, whose scores are all in memory."""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    faces = commands.add_parser(
        "faces",
        help="make a face calibration from your own pictures",
        description="Compares every two pictures of different people in each DIR (DIR/person/*.jpg, .png, .pgm) and\n"
        "fits the false match rate that a score is worth. Each DIR is a group, of "
        f"{calibration.FEWEST_PAIRS} comparisons at least;\n"
        "at each rate the worst group counts, at the upper end of its 95 % interval.\n\n"
        "How far down the rates are measured depends on the number of comparisons: twenty-one people measure\n"
        "10 %, four hundred with two pictures 0.01 %. Everything below is EXTRAPOLATED on the assumption that\n"
        "the scores fall off exponentially: it ranks candidates, it is no proof. Nothing is claimed more than\n"
        "three and a half decades below what was measured, nor below 1e-6. People of one family, age or\n"
        "origin resemble each other more: take pictures like those of the travellers you expect.",
        epilog="examples:\n"
        "  hotspotctl calibrate faces ./lane-1 ./passports --config /etc/hotspotd/hotspotd.toml --out faces.toml\n"
        "  hotspotctl calibrate faces ./people --models ./models --model mobilefacenet --out faces.toml\n\n"
        "Then name the file in hotspotd.toml, matching.face_calibration; its lines, without the one that names\n"
        "the engine, may also replace those under [calibration] in the model's manifest.\n\n"
        "exit codes: 0 made, 1 made, but pictures without a face were left out, 2 wrong usage, 3 not made",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    faces.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="folder of one folder for each person")
    faces.add_argument("--out", type=Path, metavar="FILE", required=True, help="the calibration to write")
    add_models(faces)
    faces.set_defaults(run=_faces)


def _faces(arguments: argparse.Namespace) -> Exit:
    check_writable(arguments.out)
    opened = [ev.open_people(folder, genuine=False) for folder in arguments.folders]
    for folder, pictures in zip(arguments.folders, opened, strict=True):
        if len(pictures) > _MOST_PICTURES:
            raise BiometricError(
                Reason.BAD_VALUE, f"{folder}: {len(pictures)} pictures", f"Split it: at most {_MOST_PICTURES}."
            )
    engine = open_engine(arguments)
    groups = {}
    left_out = 0
    names = distinct([folder.resolve().name for folder in arguments.folders])
    for name, pictures in zip(names, opened, strict=True):
        enrolled = enrol_with_bar(pictures, engine, name)
        groups[name] = ev.impostor_scores(enrolled)
        left_out += len(enrolled.failures)
        for failure in enrolled.failures:
            complain(f"{name}: {failure.picture} is left out: {failure.what}")
    made = calibration.fit(groups, engine.engine)
    write_whole(arguments.out, lambda file: file.write(calibration.as_toml(made)))
    _tell(made, arguments.out)
    return Exit.PROBLEMS if left_out else Exit.OK


def _tell(made: Calibration, path: Path) -> None:
    measured = made.measured_down_to or 1.0
    rows = []
    for rate in _RATES:
        if rate < made.floor:
            rows.append((f"{rate:g}", "none", "", f"never claimed: the floor is {made.floor:g}"))
        else:
            basis = "measured" if rate >= measured else "extrapolated"
            rows.append((f"{rate:g}", f"{made.threshold(rate):.3f}", f"{100 * fpir(rate, _LISTED):.3g} %", basis))
    print_table(("FMR", "score from", f"FPIR of {_LISTED} faces", ""), rows)
    people().print(
        f"\n{path}: engine {made.engine}; {made.measured_on}. Measured down to {measured:g}.\n"
        f"A matching.face_fmr below {made.floor:g} would match nothing, and is refused with it.",
        soft_wrap=True,
    )
