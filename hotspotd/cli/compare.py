"""``hotspotctl compare``: two pictures, 1:1."""

from __future__ import annotations

import argparse
from pathlib import Path

from hotspotd.biometrics.face import calibration
from hotspotd.biometrics.face.one_to_one import compare_pictures
from hotspotd.cli.face_models import add_models, open_engine
from hotspotd.cli.output import Exit, print_json
from hotspotd.config import load, resolve
from hotspotd.errors import BiometricError, Reason

_LARGEST_PICTURE = 16 * 1024 * 1024
_FMR = 1e-3


def add_to(groups: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the group."""
    group = groups.add_parser("compare", help="compare two pictures", description="Compares one with one.")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    faces = commands.add_parser(
        "faces",
        help="say whether two pictures are of one person",
        description="Compares the face on PROBE with the one on PORTRAIT (JPEG or PNG, one person each), and says how\n"
        "often two people are as alike. It is a figure for an officer, and no decision about a person.",
        epilog="examples:\n"
        "  hotspotctl compare faces taken.jpg passport.jpg --config /etc/hotspotd/hotspotd.toml\n"
        "  hotspotctl compare faces a.jpg b.jpg --models ./models --model mobilefacenet --fmr 1e-4 --json\n\n"
        "exit codes: 0 they match, 1 they do not, 2 wrong usage, 3 not compared",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    faces.add_argument("probe", type=Path, metavar="PROBE")
    faces.add_argument("portrait", type=Path, metavar="PORTRAIT")
    faces.add_argument(
        "--fmr", type=_rate, default=_FMR, metavar="RATE", help=f"match at this false match rate; default {_FMR:g}"
    )
    faces.add_argument("--json", action="store_true", help="print the result as JSON")
    add_models(faces)
    faces.set_defaults(run=_faces)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate <= 0.5:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate above 0 and up to 0.5")
    return rate


def _faces(arguments: argparse.Namespace) -> Exit:
    probe, portrait = _picture(arguments.probe), _picture(arguments.portrait)
    engine = open_engine(arguments)
    if arguments.config:
        table = load(arguments.config).matching.face_calibration
        calibration.adopt(engine, resolve(arguments.config, table) if table else None, arguments.fmr)
    found = compare_pictures(engine, probe, portrait, arguments.fmr)
    if arguments.json:
        print_json({"engine": engine.engine, "grade": engine.grade, "asked_fmr": arguments.fmr, "compared": found})
    else:
        verdict = "match" if found.matches else "do not match"
        print(
            f"They {verdict} at a false match rate of {arguments.fmr:g}: similarity {found.similarity:.3f}, "
            f"{found.threshold:.3f} needed; 1 in {1 / found.fmr:.0f} pairs of people are as alike "
            f"({engine.engine}, {engine.grade})."
        )
    return Exit.OK if found.matches else Exit.PROBLEMS


def _picture(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(_LARGEST_PICTURE + 1)
    if len(data) > _LARGEST_PICTURE:
        raise BiometricError(Reason.TOO_LARGE, f"{path}: larger than {_LARGEST_PICTURE} bytes")
    return data
