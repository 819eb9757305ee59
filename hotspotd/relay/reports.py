"""What a device tells the gateway beside transactions: what the border officer decided about hits. Pure.

A decision is a message of its own kind, in JSON. It names the transaction and the records of the list that it is about,
and nobody: who decided is told by role only.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from hotspotd.errors import Reason, RelayError
from hotspotd.records.model import AlertKind, Decision
from hotspotd.relay.links.wire import TCN_PATTERN

MOST_BYTES: Final = 32_768
"""Of one report. Forty references, which is what a reply names at most, fit many times."""
MOST_REFERENCES: Final = 64


class DecisionReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an officer decided about the hits of one transaction. ``at`` is ISO 8601 in UTC, with milliseconds.

    ``references`` are those of the records that the alert showed; none stands for all hits of the transaction.
    """

    tcn: Annotated[str, Meta(pattern=f"^{TCN_PATTERN.pattern}$")]
    alert_kind: AlertKind
    decision: Decision
    references: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=MOST_REFERENCES)
    ] = ()
    at: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$")]
    by_role: Annotated[str, Meta(max_length=40)] = ""


def encode_decision(report: DecisionReport) -> bytes:
    """``report`` as it travels. Raises RelayError (BAD_TRANSACTION) for what ``decode_decision`` would refuse."""
    body = msgspec.json.encode(report)
    decode_decision(body)
    return body


def decode_decision(body: bytes) -> DecisionReport:
    """The decision in ``body``. Raises RelayError: TOO_LARGE, BAD_TRANSACTION."""
    if len(body) > MOST_BYTES:
        raise RelayError(Reason.TOO_LARGE, f"a decision may have {MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(body, type=DecisionReport)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # What is told is which field and which rule; never a value.
        said = str(error) if isinstance(error, msgspec.ValidationError) else "not JSON"
        raise RelayError(Reason.BAD_TRANSACTION, f"decision: {said}") from error
