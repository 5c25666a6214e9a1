"""Errors that others may see.

TellgraphError
├── InvalidInput      what was sent is wrong; `fields` says where            (422)
├── NotFound          what was named does not exist, or not for this viewer  (404)
├── Conflict          it exists but does not allow this now                  (409)
│   ├── IdempotencyConflict   the request's Idempotency-Key stands for another one
│   └── TooSoon               it can be asked for again later                (429)
├── Forbidden         the viewer may not do this                             (403)
└── DatabaseUnavailable
Delivery: PreSendError (ours: run again; but not PayloadGone), AttemptError (theirs: record and schedule),
RecordError (sent but not stored: store again, never send again).
"""

from collections.abc import Mapping, Sequence


class TellgraphError(Exception):
    """Base of all errors whose message may be shown to a caller.

    code    upper-case and stable, for programs (`extensions.code`).
    status  the HTTP-like status of a mutation's payload.
    fields  path of the input field → messages.
    """

    code = "INTERNAL"
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
    code, status = "INVALID_INPUT", 422

    @classmethod
    def at(cls, field: str, *messages: str) -> "InvalidInput":
        """One wrong field: `InvalidInput.at("attributes.url", "must be https")`."""
        return cls(f"{field}: {'; '.join(messages)}", fields={field: list(messages)})


class NotFound(TellgraphError):
    code, status = "NOT_FOUND", 404


class Conflict(TellgraphError):
    code, status = "CONFLICT", 409


class IdempotencyConflict(Conflict):
    code = "IDEMPOTENCY_CONFLICT"


class TooSoon(Conflict):
    code, status = "TOO_SOON", 429


class Forbidden(TellgraphError):
    code, status = "FORBIDDEN", 403


class DatabaseUnavailable(TellgraphError):
    code, status = "UNAVAILABLE", 503


class PreSendError(Exception):
    """Ours: the POST was never started. Run it again; it counts against no limit, and says nothing of the endpoint."""


class PayloadGone(PreSendError):
    """What was to be sent is not there any more, and no run will find it."""


class AttemptError(Exception):
    """Theirs: the POST was started and did not end in a status. Record it and schedule the next.

    kind    one of `ErrorKind` in app/webhooks/domain/attempt.py, stored with the attempt.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class RecordError(Exception):
    """The POST was made and its result could not be stored."""
