"""Errors that others may see.

TellgraphError
├── InvalidInput      the input is wrong; `fields` says where                (422)
├── NotFound          the object does not exist, or not for this viewer      (404)
├── Conflict          the object's state does not allow this now             (409)
│   ├── IdempotencyConflict   the Idempotency-Key was used by another request
│   └── TooSoon               the request may be repeated later              (429)
├── Forbidden         the viewer may not do this                             (403)
├── RateLimited       the key or the address has asked for too much          (429)
└── DatabaseUnavailable
Delivery: PreSendError (our fault: run again, except for PayloadGone), AttemptError (the endpoint's fault: record it
and schedule the next attempt), RecordError (sent but not stored: store again, never send again).
"""

from collections.abc import Mapping, Sequence


class TellgraphError(Exception):
    """Base of all errors whose message may be shown to a caller.

    Args:
        message: The text for the caller.
        fields: Messages by the path of the input field. None for an error that is not about a field.
        code: Upper-case and stable, for programs (`extensions.code`). None takes the class's own.

    `status` is the HTTP-like status of a mutation's payload.
    """

    code = "INTERNAL_SERVER_ERROR"
    status = 500

    def __init__(
        self, message: str, *, fields: Mapping[str, Sequence[str]] | None = None, code: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})
        if code is not None:
            self.code = code


class InvalidInput(TellgraphError):
    code, status = "BAD_USER_INPUT", 422

    @classmethod
    def at(cls, field: str, *messages: str) -> "InvalidInput":
        """Return the error of one field: `InvalidInput.at("attributes.url", "must be https")`."""
        return cls(f"{field}: {'; '.join(messages)}", fields={field: list(messages)})


class NotFound(TellgraphError):
    code, status = "NOT_FOUND", 404

    @classmethod
    def at(cls, field: str, message: str) -> "NotFound":
        """Return the error of one field: `NotFound.at("order_id", "there is no such order")`."""
        return cls(message, fields={field: [message]})


class Conflict(TellgraphError):
    code, status = "CONFLICT", 409


class IdempotencyConflict(Conflict):
    code = "IDEMPOTENCY_CONFLICT"


class TooSoon(Conflict):
    code, status = "TOO_SOON", 429


class Forbidden(TellgraphError):
    code, status = "FORBIDDEN", 403


class RateLimited(TellgraphError):
    """Too much was asked for. `retry_after_s` is the number of seconds after which the request may be repeated."""

    code, status = "RATE_LIMITED", 429

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class DatabaseUnavailable(TellgraphError):
    code, status = "UNAVAILABLE", 503


class PreSendError(Exception):
    """The POST was not started, by our fault. Run it again; it is not counted as an attempt."""


class PayloadGone(PreSendError):
    """The payload has been deleted. Running the delivery again does not help."""


class AttemptError(Exception):
    """The POST was started and ended without a status. Record the attempt and schedule the next one.

    Args:
        kind: One of `ErrorKind` in app/webhooks/domain/attempt.py; it is stored with the attempt.
        message: The text that is stored with it.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class RecordError(Exception):
    """The POST was made, but its result could not be stored."""
