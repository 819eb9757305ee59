"""``hotspotctl evaluate liveness``: error rates of presentation attack detection, on the operator's own recordings."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from rich.text import Text

from hotspotd.biometrics.face import FaceEngine
from hotspotd.biometrics.face.liveness import PassiveLiveness
from hotspotd.biometrics.face.liveness.evaluation import (
    LivenessRates,
    Response,
    active_response,
    passive_response,
    rates,
)
from hotspotd.biometrics.face.liveness.presentations import Presentation, frames, open_presentations, picture
from hotspotd.biometrics.models import find_model
from hotspotd.cli import det_plot, liveness_plot
from hotspotd.cli.face_models import open_engine
from hotspotd.cli.measuring import check_writable, give, progress_bar
from hotspotd.cli.output import Exit, print_table
from hotspotd.config import LivenessSection, load, resolve
from hotspotd.errors import BiometricError

_MOST_FAILURES_SHOWN = 20

Method = Literal["passive", "active"]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A file that could not be read; it counts nowhere."""

    name: str
    what: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One method. ``engine`` is what judged; ``responses`` are by folder."""

    engine: str
    rates: LivenessRates
    responses: dict[str, tuple[Response, ...]]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the command found. A method without presentations of its kind is None."""

    path: str
    passive: Measured | None
    active: Measured | None
    failures: tuple[Failure, ...]


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    liveness = commands.add_parser(
        "liveness",
        help="error rates of presentation attack detection, per attack species (ISO/IEC 30107-3)",
        description="Judges the recordings in DIR/live (or DIR/bona_fide) and in DIR/{species}, one folder for each\n"
        "attack species. Pictures (.jpg, .png) are judged by the passive model; videos (.mp4, .avi, .mov,\n"
        ".mkv, .webm) and folders of frames are head turns for the active check, begun by looking at the\n"
        "camera. A name that ends in left or right says which way was asked for. APCER: attacks taken for\n"
        "live, of those with a response; the worst species counts. BPCER: live ones taken for attacks.\n"
        "APNRR, BPNRR: without a response (no face, no movement, not to be followed); a lane refers those.\n"
        '"up to" is the one-sided 95 % bound. BPCER at an APCER of 5 % (1 %) needs 20 (100) responses of\n'
        "every species.",
        epilog="examples:\n"
        "  hotspotctl evaluate liveness ./recordings --config /etc/hotspotd/hotspotd.toml\n"
        "  hotspotctl evaluate liveness ./recordings --models ./models --passive-threshold 0.7\n"
        "  hotspotctl evaluate liveness ./recordings --json liveness.json --plot liveness.png\n\n"
        "exit codes: 0 measured, 1 measured, but files could not be read (they count nowhere), 2 wrong usage,\n"
        "3 not measured",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    liveness.add_argument("folder", type=Path, metavar="DIR", help="folder of live/ and one folder a species")
    liveness.add_argument("--json", type=Path, metavar="FILE", help="write everything as JSON; - is standard output")
    liveness.add_argument(
        "--plot", type=det_plot.picture_path, metavar="FILE", help="draw all scores as .png, .svg or .pdf (matplotlib)"
    )
    group = liveness.add_argument_group("what judges", "by default OpenCV's cascades, minifasnet-v2, thresholds of 0.5")
    group.add_argument("--config", type=Path, metavar="FILE", help="models and thresholds of this configuration")
    group.add_argument("--models", type=Path, action="append", metavar="DIR", help="folder of manifests and models")
    group.add_argument("--detector", metavar="NAME", help="the face detector; cascades = OpenCV's")
    group.add_argument("--passive-model", metavar="NAME", help="the passive model")
    group.add_argument("--passive-threshold", type=_threshold, metavar="SCORE", help="above 0, below 1")
    group.add_argument("--active-threshold", type=_threshold, metavar="SCORE", help="above 0, below 1")
    liveness.set_defaults(run=_liveness, model=None, landmarks=None)


def _threshold(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and below 1")
    return value


def _liveness(arguments: argparse.Namespace) -> Exit:
    if arguments.plot:
        det_plot.require()
    check_writable(arguments.json, arguments.plot)
    live, attacks = open_presentations(arguments.folder)
    settings, folders = _settings(arguments)
    engine = open_engine(arguments)
    failures: list[Failure] = []
    groups = {"bona fide": live, **attacks}
    passive = active = None
    if any(not one.film for found in groups.values() for one in found):
        check = PassiveLiveness.open(find_model(settings.passive_model, folders))

        def by_model(one: Presentation) -> Response:
            return passive_response(one.name, picture(one), engine.detect, check)

        passive = _measured("passive", groups, by_model, settings.passive_threshold, check.name, failures)
    if any(one.film for found in groups.values() for one in found):
        active = _measured("active", groups, _by_turn(engine), settings.active_threshold, "head-turn-1", failures)
    found = Report(path=str(arguments.folder), passive=passive, active=active, failures=tuple(failures))
    if arguments.plot:
        liveness_plot.draw([(one.rates, one.responses) for one in (passive, active) if one], arguments.plot)
    give(found, arguments.json, tell)
    return Exit.PROBLEMS if failures else Exit.OK


def _settings(arguments: argparse.Namespace) -> tuple[LivenessSection, list[Path]]:
    folders: list[Path] = list(arguments.models or [])
    settings = LivenessSection()
    if arguments.config:
        config = load(arguments.config)
        settings = config.liveness
        if config.models.folder:
            folders.append(resolve(arguments.config, config.models.folder))
    asked = {
        "passive_model": arguments.passive_model,
        "passive_threshold": arguments.passive_threshold,
        "active_threshold": arguments.active_threshold,
    }
    return msgspec.structs.replace(settings, **{k: v for k, v in asked.items() if v is not None}), folders


def _by_turn(engine: FaceEngine) -> Callable[[Presentation], Response]:
    return lambda one: active_response(one.name, frames(one), engine.detect, one.side)


def _measured(
    method: Method,
    groups: Mapping[str, Sequence[Presentation]],
    judge: Callable[[Presentation], Response],
    threshold: float,
    engine: str,
    failures: list[Failure],
) -> Measured:
    """Every presentation of the method's kind, with a bar on standard error where that is a terminal."""
    chosen = {name: [one for one in found if one.film == (method == "active")] for name, found in groups.items()}
    responses: dict[str, tuple[Response, ...]] = {}
    with progress_bar() as progress:
        task = progress.add_task(f"{method}: presentations", total=sum(len(found) for found in chosen.values()))
        for name, found in chosen.items():
            judged = []
            for one in found:
                try:
                    judged.append(judge(one))
                except (BiometricError, OSError) as error:
                    what = error.what if isinstance(error, BiometricError) else str(error.strerror)
                    failures.append(Failure(name=one.name, what=what))
                progress.advance(task)
            if judged or name == "bona fide":
                responses[name] = tuple(judged)
    attacks = {name: judged for name, judged in responses.items() if name != "bona fide"}
    return Measured(engine=engine, rates=rates(method, responses["bona fide"], attacks, threshold), responses=responses)


def tell(found: Report) -> None:
    """The figures, for people."""
    for one in (found.passive, found.active):
        if one is None:
            continue
        told = one.rates
        print(f"{told.method}: {one.engine}, threshold {told.threshold:g}; rates in percent")
        rows: list[tuple[str | Text, ...]] = [
            (species.species, str(species.presentations), str(species.responses), _number(species.apnrr),
             _number(species.apcer), _number(species.apcer_upper95))
            for species in told.species
        ]  # fmt: skip
        live = told.bona_fide
        rows.append(
            (Text("bona fide: BPNRR, BPCER", style="bold"), str(live.presentations), str(live.responses),
             _number(live.bpnrr), _number(live.bpcer), _number(live.bpcer_upper95))
        )  # fmt: skip
        print_table(("species", "presented", "responses", "APNRR", "APCER", "up to"), rows)
        worst = f"{_number(told.apcer)} ({told.worst_species})" if told.worst_species else "none measured"
        print(f"APCER of the worst species: {worst}")
        for apcer, bpcer in ((5, told.bpcer_at_apcer_5), (1, told.bpcer_at_apcer_1)):
            print(f"BPCER at APCER {apcer} %: {'too few presentations' if bpcer is None else _number(bpcer)}")
        print()
    if found.failures:
        shown = [(failure.name, failure.what) for failure in found.failures[:_MOST_FAILURES_SHOWN]]
        print_table(("cannot be read", "why"), shown)
        if len(found.failures) > len(shown):
            print(f"and {len(found.failures) - len(shown)} more; --json lists all")


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.1f}"
