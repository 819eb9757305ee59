"""Which columns are sealed, as SQL: each value is bound to its table, column and row (records.vault).

The key is that of the encounter that a row belongs to; a reply that belongs to none has its own.
"""

from __future__ import annotations

from typing import Final

KEY_OF: Final = "(SELECT key_id FROM encounter WHERE id = {})"


def _opened(place: str, key: str, row: str, column: str) -> str:
    return f"unseal({key}, '{place}', {row}, {column})"


def encounter(column: str, alias: str = "") -> str:
    """A column of ``encounter``, opened, under its own name; ``alias`` is the table's in the query, with its dot."""
    return f"{_opened(f'encounter.{column}', f'{alias}key_id', f'{alias}id', alias + column)} AS {column}"


_SAMPLE_ROW: Final = "sample.encounter_id || '/' || sample.modality || '/' || sample.position"
_SAMPLE_KEY: Final = KEY_OF.format("sample.encounter_id")
SAMPLE_IMAGE: Final = f"{_opened('sample.image', _SAMPLE_KEY, _SAMPLE_ROW, 'sample.image')} AS image"
SAMPLE_TEMPLATE: Final = f"{_opened('sample.template', _SAMPLE_KEY, _SAMPLE_ROW, 'sample.template')} AS template"


def sample_row(encounter_id: str, modality: str, position: int) -> str:
    """What a sample's values are bound to."""
    return f"{encounter_id}/{modality}/{position}"


PAYLOAD: Final = (
    "iif(outbox.encounter_id IS NULL, outbox.payload, "
    + _opened("outbox.payload", KEY_OF.format("outbox.encounter_id"), "outbox.tcn", "outbox.payload")
    + ") AS payload"
)
"""Of the outbox. Statistics, logs and checkpoints belong to no encounter, and there is nothing personal in them."""

_REPLY_KEY: Final = f"coalesce(reply.key_id, {KEY_OF.format('reply.encounter_id')})"
REPLY_ANSWER: Final = f"{_opened('reply.answer', _REPLY_KEY, 'reply.tcn', 'reply.answer')} AS answer"
REPLY_RAW: Final = f"{_opened('reply.raw', _REPLY_KEY, 'reply.tcn', 'reply.raw')} AS raw"

_ALERT_ROW: Final = "alert.encounter_id || '/' || alert.kind"
_ALERT_KEY: Final = KEY_OF.format("alert.encounter_id")
ALERT_HITS: Final = f"{_opened('alert.hits', _ALERT_KEY, _ALERT_ROW, 'alert.hits')} AS hits"
ALERT_WORDS: Final = (
    f"CAST({_opened('alert.decision_words', _ALERT_KEY, _ALERT_ROW, 'alert.decision_words')} AS TEXT)"
    " AS decision_reason"
)
SEAL_HITS: Final = f"seal({_ALERT_KEY}, 'alert.hits', {_ALERT_ROW}, ?)"
"""In an UPDATE of ``alert``."""
SEAL_WORDS: Final = f"seal({_ALERT_KEY}, 'alert.decision_words', {_ALERT_ROW}, ?)"
