"""``hotspotctl evaluate faces``: error rates and speed of a face engine, on the operator's own pictures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face import evaluation as ev
from hotspotd.cli import det_plot
from hotspotd.cli.face_models import add_models, open_engine
from hotspotd.cli.measuring import check_writable, give, progress_bar
from hotspotd.cli.output import Exit, complain, people, print_table

_MOST_FAILURES_SHOWN = 20
_MOST_FUSED = 100


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    faces = commands.add_parser(
        "faces",
        help="error rates and cost of face comparison, 1:1 and 1:N",
        description="Enrols the pictures DIR/person/*.jpg (.png, .pgm), the face nearest to the middle of each, and\n"
        "compares them. 1:1: every two pictures (EER; TAR at a FAR), and the accuracy over ten folds of pairs\n"
        "as LFW reports it, of pairs drawn from the set, or with --pairs of that file's pairs and of no other\n"
        "pictures. 1:N, open set: of every person with enough pictures --gallery of them are listed, fused into\n"
        "one; the others are searched, --frames of them fused into one; searches without a mate are those of\n"
        "people with fewer pictures, and every search once more with its owner not listed. A person's pictures\n"
        "take turns in being listed. FNIR: the mate is not the best candidate, or below the threshold that\n"
        "lets a share FPIR of the searches without a mate find somebody. A picture without a face counts as a\n"
        "non-match. Times are of one thread.",
        epilog="examples:\n"
        "  hotspotctl evaluate faces ./people\n"
        "  hotspotctl evaluate faces ./people --config /etc/hotspotd/hotspotd.toml --json faces.json --plot det.png\n"
        "  hotspotctl evaluate faces ./lfw --pairs pairs.txt --models ./models --model mobilefacenet\n"
        "  hotspotctl evaluate faces ./people --gallery 2 --frames 2\n\n"
        "exit codes: 0 measured, 1 measured, but files could not be read as pictures, 2 wrong usage, 3 not measured",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    faces.add_argument("folder", type=Path, metavar="DIR", help="folder of one folder for each person")
    faces.add_argument("--pairs", type=Path, metavar="FILE", help="compare these pairs: LFW's pairs.txt, or its like")
    faces.add_argument("--gallery", type=_few, default=1, metavar="N", help="pictures listed of a person; default 1")
    faces.add_argument("--frames", type=_few, default=1, metavar="N", help="pictures in one search; default 1")
    faces.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON; - is standard output")
    faces.add_argument(
        "--plot", type=det_plot.picture_path, metavar="FILE", help="draw DET curves as .png, .svg or .pdf (matplotlib)"
    )
    add_models(faces)
    faces.set_defaults(run=_faces)


def _few(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_FUSED):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {_MOST_FUSED}")
    return int(text)


def _faces(arguments: argparse.Namespace) -> Exit:
    if arguments.pairs and (arguments.gallery, arguments.frames) != (1, 1):
        complain("--pairs compares one picture with one: leave --gallery and --frames out")
        return Exit.USAGE
    if arguments.plot:
        det_plot.require()
    check_writable(arguments.json, arguments.plot)
    pairs = ev.open_pairs(arguments.pairs, arguments.folder) if arguments.pairs else None
    pictures = pairs.pictures if pairs else ev.open_people(arguments.folder)
    engine = open_engine(arguments)
    enrolled = enrol_with_bar(pictures, engine, arguments.folder.resolve().name)
    searched = None
    if pairs:
        compared = ev.compare_pairs(enrolled, pairs.pairs)
        told = ev.accuracy(enrolled, pairs.pairs, "file")
    else:
        compared = ev.compare_all(enrolled)
        drawn = ev.drawn_pairs(enrolled)
        told = ev.accuracy(enrolled, drawn, "drawn") if drawn else None
        searched = ev.identify(enrolled, arguments.gallery, arguments.frames)
    found = ev.report(engine, str(arguments.folder), enrolled, compared, told, searched)
    if arguments.plot:
        det_plot.draw_faces(found, compared, searched, arguments.plot)
    give(found, arguments.json, tell)
    return Exit.PROBLEMS if any(failure.unreadable for failure in found.failures) else Exit.OK


def enrol_with_bar(pictures: Sequence[ev.Picture], engine: FaceEngine, name: str) -> ev.Enrolled:
    """Enrol ``pictures``, with a bar on standard error where that is a terminal."""
    with progress_bar() as progress:
        task = progress.add_task(f"{name}: pictures", total=len(pictures))
        return ev.enrol(pictures, engine, partial(progress.advance, task))


def tell(found: ev.Report) -> None:
    """The figures, for people."""
    out = people()
    rates = found.verification
    print(f"{found.path}: {found.people} people, {found.pictures} pictures, {found.failed} without a face found")
    rows = [("1:1, every two pictures" if found.identification else "1:1", "EER", f"{rates.eer:.2f} %")]
    rows += [("", f"TAR at FAR {rate.far:g}", _percent(rate.tar)) for rate in rates.tar]
    if found.pairs:
        pairs = found.pairs
        kind = "pairs of the file" if pairs.source == "file" else "pairs drawn from the set"
        accuracy = (
            f"{pairs.accuracy:.2f} % ± {pairs.standard_error:.2f} ({pairs.found_only:.2f} % where faces are found)"
        )
        rows.append((f"{pairs.pairs} {kind}", f"accuracy, {pairs.folds} folds", accuracy))
    if found.identification:
        one = found.identification
        rows.append(
            (f"1:N, {one.people} listed by {one.gallery}, searched by {one.frames}", "rank-1", _percent(one.rank1))
        )
        rows += [("", f"FNIR at FPIR {at.fpir:g}", _percent(at.fnir)) for at in one.fnir]
    for at in found.calibrated:
        asked = "no score is claimed to be worth it" if at.score is None else f"score {at.score:.3f}"
        rows.append(
            ("", f"FNMR at a configured FMR of {at.threshold:g}", f"{at.fnmr:.2f} % ({asked}; FMR {at.fmr:.4f} %)")
        )
    if found.ms:
        ms = found.ms
        stages = f"{ms.detect:.1f} + {ms.landmarks:.1f} + {ms.align:.1f} + {ms.embed:.1f} = {ms.total:.1f} ms"
        rows.append(("time, one thread", "detect + landmarks + align + embed", f"{stages} (95 %: {ms.total_p95:.1f})"))
    print_table(("", "", ""), rows)
    words = (
        f"\n{rates.genuine} genuine and {rates.impostor} impostor comparisons; engine {found.engine} ({found.grade})."
    )
    if found.identification:
        one = found.identification
        words += (
            f" {one.mated} searches with a mate and {one.nonmated} without "
            f"({one.outsiders} of people who are never listed), {one.rounds} rounds."
        )
    out.print(words, soft_wrap=True)
    if found.failures:
        print()
        shown = [(failure.picture, failure.what) for failure in found.failures[:_MOST_FAILURES_SHOWN]]
        print_table(("failed to enrol", "why"), shown)
        if len(found.failures) > len(shown):
            print(f"and {len(found.failures) - len(shown)} more; --json lists all")


def _percent(value: float | None) -> str:
    return "too few comparisons to say" if value is None else f"{value:.2f} %"
