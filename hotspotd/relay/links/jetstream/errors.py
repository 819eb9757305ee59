"""What errors of nats-py mean to a link."""

from __future__ import annotations

import ssl

import nats.errors
import nats.js.errors

from hotspotd.errors import Reason, RelayError

# Besides its own errors the client lets those of decoding an answer through that is none.
FAULTS = (nats.errors.Error, OSError, ValueError, LookupError, TypeError, AttributeError)

_WRONG_LAST_SEQUENCE = 10071
_VIOLATIONS = ("authorization violation", "permissions violation")


_SEE = "See docs/relay-nats.md."
_CERTIFICATES = "Check trust anchors, certificate, their dates, and this clock."
# The first that fits; subclasses stand before what they are of.
_MEANINGS: tuple[tuple[type[Exception], Reason, str, str], ...] = (
    (ssl.SSLError, Reason.LINK_REFUSED, "the certificates do not agree", _CERTIFICATES),
    (nats.errors.SecureConnRequiredError, Reason.LINK_REFUSED, "it does not ask for TLS", _SEE),
    (nats.errors.AuthorizationError, Reason.LINK_REFUSED, "does not want this name", _SEE),
    (nats.js.errors.NoStreamResponseError, Reason.LINK_PROTOCOL, "has no stream for it", "The gateway makes it."),
    (nats.errors.NoRespondersError, Reason.LINK_DOWN, "the gateway is not connected to it", ""),
    (nats.errors.MaxPayloadError, Reason.LINK_PROTOCOL, "takes no message of this size", "Raise its max_payload."),
    (TimeoutError, Reason.LINK_DOWN, "no answer in time", ""),
    (nats.errors.StaleConnectionError, Reason.LINK_DOWN, "the connection broke", ""),
    (nats.errors.ConnectionClosedError, Reason.LINK_DOWN, "the connection broke", ""),
    (OSError, Reason.LINK_DOWN, "cannot be reached, or no longer", ""),
)


def as_relay_error(error: Exception) -> RelayError:
    """What ``error`` of the client's means."""
    if isinstance(error, RelayError):
        return error
    for kind, reason, what, advice in _MEANINGS:
        if isinstance(error, kind):
            return RelayError(reason, f"broker: {what}", advice)
    if isinstance(error, nats.js.errors.APIError):
        return RelayError(Reason.LINK_PROTOCOL, f"broker: {str(error.description)[:80]} [{error.err_code}]", _SEE)
    if isinstance(error, nats.errors.Error) and any(word in str(error).lower() for word in _VIOLATIONS):
        return RelayError(Reason.LINK_REFUSED, "broker: does not let this name do that", _SEE)
    return RelayError(Reason.LINK_PROTOCOL, f"broker: not understood ({type(error).__name__})")


def again(error: RelayError) -> RelayError:
    """The same for another who waited: one exception is not raised in two tasks."""
    return RelayError(error.reason, error.what, error.advice)


def untrusted(error: Exception) -> RelayError:
    """The other side hung up on this one's certificate."""
    return RelayError(
        Reason.LINK_REFUSED, f"broker: the certificates do not agree ({type(error).__name__})", _CERTIFICATES
    )


def is_wrong_sequence(error: BaseException | None) -> bool:
    """Whether the broker did not store a message because of the number that it expected."""
    return isinstance(error, nats.js.errors.APIError) and error.err_code == _WRONG_LAST_SEQUENCE


def is_held(error: BaseException | None) -> bool:
    """Whether the broker said that a subject is not empty: it names the last number, 0 for none."""
    return (
        is_wrong_sequence(error)
        and isinstance(error, nats.js.errors.APIError)
        and not str(error.description).rstrip().endswith(": 0")
    )
