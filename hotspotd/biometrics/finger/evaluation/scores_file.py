"""Raw scores as CSV, for an operator's own statistics and for a calibration of several runs.

One line a comparison: set, probe, reference (file names), kind (``genuine`` or ``impostor``), score, engine. The score
is empty where one of the two pictures had no template.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, TextIO

import numpy as np

from hotspotd.biometrics.finger import ENGINE
from hotspotd.biometrics.finger.evaluation.rates import Scores
from hotspotd.biometrics.finger.evaluation.report import Evaluated
from hotspotd.errors import BiometricError, Reason

COLUMNS: Final = ("set", "probe", "reference", "kind", "score", "engine")
MOST_ROWS: Final = 50_000_000
"""As many scores take 400 MB."""


def write_scores(sets: Iterable[Evaluated], file: TextIO) -> None:
    """All comparisons of ``sets`` to ``file``, opened with ``newline=""``."""
    out = csv.writer(file, lineterminator="\n")
    out.writerow(COLUMNS)
    for one in sets:
        measured = one.measured
        names = [picture.name for picture in measured.pictures]
        pairs = measured.pairs
        for first, second, genuine, score in zip(
            pairs.first.tolist(), pairs.second.tolist(), pairs.genuine.tolist(), measured.scores.tolist(), strict=True
        ):
            text = f"{score:.6g}" if math.isfinite(score) else ""
            out.writerow((one.name, names[first], names[second], "genuine" if genuine else "impostor", text, ENGINE))


def read_impostors(path: Path) -> dict[str, Scores]:
    """The impostor scores in ``path``, by set.

    Raises BiometricError: UNREADABLE, BAD_VALUE naming the line, WRONG_MODEL for scores of another engine.
    """
    groups: dict[str, list[float]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(_rows(path, file), start=2):
                if number > MOST_ROWS:
                    raise _bad(path, number, f"more than {MOST_ROWS} lines")
                _take(path, number, row, groups)
    except OSError as error:
        raise BiometricError(Reason.UNREADABLE, f"{path}: {error.strerror}", "Check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BiometricError(Reason.BAD_VALUE, f"{path}: no CSV of scores: {error}", _ADVICE) from error
    return {name: np.array(scores, dtype=np.float64) for name, scores in groups.items()}


_ADVICE = "Make it with: hotspotctl evaluate fingers DIR --scores FILE."


def _bad(path: Path, line: int, what: str) -> BiometricError:
    return BiometricError(Reason.BAD_VALUE, f"{path}: line {line}: {what}", _ADVICE)


def _rows(path: Path, file: TextIO) -> Iterator[list[str]]:
    rows = csv.reader(file)
    if next(rows, None) != list(COLUMNS):
        raise _bad(path, 1, f"the columns are not {', '.join(COLUMNS)}")
    return rows


def _take(path: Path, number: int, row: list[str], groups: dict[str, list[float]]) -> None:
    if len(row) != len(COLUMNS):
        raise _bad(path, number, f"{len(row)} columns, not {len(COLUMNS)}")
    name, _, _, kind, text, engine = row
    if engine != ENGINE:
        raise BiometricError(
            Reason.WRONG_MODEL, f"{path}: line {number}: a score of engine {engine[:60]}, this is {ENGINE}", _ADVICE
        )
    if kind not in {"genuine", "impostor"}:
        raise _bad(path, number, f"kind {kind[:20]!r} is neither genuine nor impostor")
    if kind == "genuine" or not text:
        return
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise _bad(path, number, f"{text[:20]!r} is no score")
    groups.setdefault(name, []).append(score)
