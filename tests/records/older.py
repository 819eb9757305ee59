"""Databases as earlier versions made them, with what they held in plain."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib import resources
from pathlib import Path

import msgspec

from hotspotd.domain.encounter import Encounter
from hotspotd.domain.verdict import GatewayAnswer

BEFORE_VAULT = next(
    int(file.name.split("_", 1)[0]) - 1
    for file in (resources.files("hotspotd.records") / "schema").iterdir()
    if file.name.endswith("_vault.sql")
)
"""The last schema that held people in plain."""
_AT = "2026-11-22T12:00:00.000Z"


@contextmanager
def of_schema(number: int, path: Path) -> Iterator[sqlite3.Connection]:
    """A new database of schema ``number``, to be filled."""
    with closing(sqlite3.connect(path)) as connection:
        for file in sorted((resources.files("hotspotd.records") / "schema").iterdir(), key=lambda one: one.name):
            if file.name.endswith(".sql") and int(file.name.split("_", 1)[0]) <= number:
                connection.executescript(file.read_text(encoding="utf-8"))
        connection.execute(f"PRAGMA user_version = {number}")
        yield connection
        connection.commit()


def put(connection: sqlite3.Connection, given: Encounter, answer: GatewayAnswer, payload: bytes) -> None:
    """An answered encounter with its samples, its transaction and the reply to it, as schema 5 and later have them."""
    encode = msgspec.json.encode
    connection.execute(
        "INSERT INTO encounter (id, tcn, lane, operation, opened_at, recorded_at, clock_trusted, document, trouble,"
        " local_outcome, verdict, checked_at, gateway_outcome, answer, answered_at, released_at)"
        " VALUES (?,?,?,?,?,?,1,?,x'5b5d','clear',?,?,?,?,?,?)",
        (
            given.encounter_id,
            given.tcn,
            given.lane,
            given.operation,
            _AT,
            _AT,
            encode(given.document),
            b'{"outcome":"clear","reasons":[],"hits":[],"compute_ms":12.5}',
            _AT,
            answer.outcome,
            encode(answer),
            _AT,
            _AT,
        ),
    )
    for sample in given.samples:
        connection.execute(
            "INSERT INTO sample (encounter_id, modality, position, media_type, image, width, height, template)"
            " VALUES (?,?,?,?,?,?,?,?)",
            (
                given.encounter_id,
                sample.modality,
                int(sample.position or 0),
                sample.media_type,
                sample.image,
                sample.width,
                sample.height,
                sample.template,
            ),
        )
    connection.execute(
        "INSERT INTO outbox (tcn, encounter_id, kind, rank, lane, size, created_at, state, payload)"
        " VALUES (?,?,'transaction',3,?,?,?,'received',?)",
        (given.tcn, given.encounter_id, given.lane, len(payload), _AT, payload),
    )
    connection.execute(
        "INSERT INTO reply (tcn, tcr, encounter_id, outcome, raw, received_at) VALUES (?,?,?,?,?,?)",
        (answer.tcn, answer.tcr, given.encounter_id, answer.outcome, encode(answer), _AT),
    )
