"""What a face score is worth on an authority's own pictures: a table made from them, used instead of the manifest's.

A table belongs to one engine: models, alignment and runtime. It is a small TOML file; without its ``engine`` it is also
what a manifest's ``[calibration]`` holds. How it is fitted stands in ``hotspotd.biometrics.finger.calibration_fit``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from hotspotd.biometrics.calibration import Calibration
from hotspotd.biometrics.face.engine import FaceEngine
from hotspotd.biometrics.finger import calibration_fit
from hotspotd.biometrics.finger.calibration import Scores
from hotspotd.errors import BiometricError, Reason

FEWEST_PAIRS: Final = calibration_fit.FEWEST_PAIRS
_MOST_BYTES: Final = 64 * 1024
_ADVICE: Final = "Make it again: hotspotctl calibrate faces DIR --out FILE."


def fit(groups: Mapping[str, Scores], engine: str) -> Calibration:
    """The table for these groups of similarities of different people, which ``engine`` gave.

    At each rate the worst group counts, at the upper end of its 95 % interval; below what was counted an exponential
    tail is assumed. Raises BiometricError(BAD_VALUE) for no group, or one of fewer than FEWEST_PAIRS comparisons.
    """
    for name, scores in groups.items():
        if len(scores) < FEWEST_PAIRS or not scores.min() < scores.max():
            raise BiometricError(
                Reason.BAD_VALUE,
                f"{name}: {len(scores)} comparisons of different people, {FEWEST_PAIRS} different ones are needed",
                "Give more people: twenty-one with a picture each are the least, hundreds are better.",
            )
    if not groups:
        raise BiometricError(Reason.BAD_VALUE, "no comparisons of different people", "Give folders of people.")
    fitted = calibration_fit.fit(groups, engine, "")
    pairs = ", ".join(f"{group.name} {group.pairs} pairs" for group in fitted.groups)
    # Rates of a table fall from its first point on; a similarity of -1 is anybody's.
    points = [
        (float(np.clip(score, -1.0, None)), 10.0**log10)
        for score, log10 in zip(fitted.scores, fitted.log10_fmr, strict=True)
    ]
    return Calibration(
        measured_on=f"{pairs}; the worst group at each rate, exponential tail below what was counted",
        impostor_pairs=fitted.impostor_pairs,
        floor=fitted.floor,
        points=tuple((round(score, 6), float(f"{rate:.4g}")) for score, rate in points),
        measured_down_to=fitted.measured_down_to,
        engine=engine,
    )


def as_toml(table: Calibration) -> str:
    """``table`` as the file that ``read`` takes."""
    lines = [] if table.engine is None else [f"engine = {_quoted(table.engine)}"]
    lines += [
        f"measured_on = {_quoted(table.measured_on)}",
        f"impostor_pairs = {table.impostor_pairs}",
        f"floor = {table.floor:g}",
    ]
    if table.measured_down_to is not None:
        lines.append(f"measured_down_to = {table.measured_down_to:g}")
    lines += ["points = [", *(f"    [{score:g}, {rate:g}]," for score, rate in table.points), "]"]
    return "\n".join(lines) + "\n"


def read(path: Path, engine: str | None = None, strictest: float | None = None) -> Calibration:
    """The table in ``path``, fit for ``engine`` and for rates down to ``strictest``, where these are given.

    Raises BiometricError: UNREADABLE, BAD_TEMPLATE where it is none, WRONG_MODEL where another engine gave its scores,
    BAD_VALUE where it claims nothing as small as ``strictest``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise _bad(path, f"larger than {_MOST_BYTES} bytes")
        table = msgspec.convert(tomllib.loads(data.decode("utf-8")), Calibration)
    except OSError as error:
        raise BiometricError(
            Reason.UNREADABLE, f"{path}: {error.strerror}", "Check the path, and that hotspotd may read it."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise _bad(path, str(error)) from error
    if table.engine is None:
        raise _bad(path, "it does not say which engine gave its scores")
    if engine is not None and table.engine != engine:
        raise BiometricError(
            Reason.WRONG_MODEL,
            f"{path}: made with the face engine {table.engine}, this is {engine}",
            f"Its scores mean something else here. {_ADVICE}",
        )
    if strictest is not None and strictest < table.floor:
        raise BiometricError(
            Reason.BAD_VALUE,
            f"{path}: claims no rate below {table.floor:g}, so that nothing would match at {strictest:g}",
            "Configure a higher false match rate, or calibrate with more people.",
        )
    return table


def adopt(faces: FaceEngine, path: Path | None, strictest: float) -> None:
    """Have ``faces`` judge by the table in ``path``; by its manifest's without one. Raises as ``read``."""
    if path is not None:
        faces.judge_by(read(path, faces.engine, strictest))


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's, for text without control characters."""
    return msgspec.json.encode(text).decode()


def _bad(path: Path, why: str) -> BiometricError:
    return BiometricError(Reason.BAD_TEMPLATE, f"{path}: no face calibration: {why}", _ADVICE)
