"""The life of a webhook event, which is one change for one webhook: its states, and every move from one to another."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal


class WebhookEventState(StrEnum):
    """The state of a webhook event; stored by value, shown by name."""

    PENDING = "PENDING"
    """Rendered, never sent."""
    SENDING = "SENDING"
    """Leased by a worker or a taker (PULL), with an attempt in flight."""
    RETRYING = "RETRYING"
    """The last attempt failed and the next one has its time."""
    DELIVERED = "DELIVERED"
    """The endpoint answered 2xx in time, or the taker acknowledged it."""
    SKIPPED = "SKIPPED"
    """Not sent, because it would have told the subscriber nothing new."""
    SUPERSEDED = "SUPERSEDED"
    """Not sent, because a newer state of the same entity is sent in its place."""
    HELD = "HELD"
    """Kept while its webhook is disabled, and sent when that is enabled again."""
    FAILED = "FAILED"
    """No retries are left, or the endpoint is gone; a person can replay it."""
    CANCELLED = "CANCELLED"
    """Withdrawn before it was delivered, by a person or with its webhook."""
    RENDER_FAILED = "RENDER_FAILED"
    """Its stored query could not run; it can be run again."""


#: Reasons why an UPDATE makes no event for a webhook.
UNWATCHED = "Nothing that the query reads has changed."
UNTRIGGERED = "Nothing that the triggers name has changed."
#: Reasons why an event is CANCELLED.
WEBHOOK_DELETED = "The webhook was deleted."
CANCELLED_BY_HAND = "Cancelled by hand."

_S = WebhookEventState

#: The states in which publishing makes an event.
NewState = Literal[_S.PENDING, _S.HELD, _S.SKIPPED, _S.RENDER_FAILED]
#: The states that an attempt can lead to, as far as the worker that made it can tell.
AttemptedState = Literal[_S.DELIVERED, _S.RETRYING, _S.FAILED]

#: Waits for its time, and is claimed then.
DUE: Final = (_S.PENDING, _S.RETRYING)
#: Neither sent nor in flight: it can be withdrawn, and a newer state of its entity can take its place.
WAITING: Final = (*DUE, _S.HELD)
#: Still to be sent, or in flight.
OPEN: Final = (*WAITING, _S.SENDING)
#: Closed with a payload that can be sent again. A SKIPPED one said nothing new.
RESENDABLE: Final = (_S.DELIVERED, _S.FAILED, _S.CANCELLED, _S.SUPERSEDED)
#: Can be replayed: sent again, or rendered again.
REPLAYABLE: Final = (*RESENDABLE, _S.RENDER_FAILED)


class Transition(StrEnum):
    """A reason for which the state of a webhook event is set: one statement each, in app/webhooks/db/transitions.py."""

    INSERT = "INSERT"
    """Publishing makes the event."""
    INSERT_TEST = "INSERT_TEST"
    """Somebody tests the webhook."""
    SUPERSEDE = "SUPERSEDE"
    """A newer event of the same entity takes its place: when that one is made, or when an attempt of this one fails."""
    RESTATE = "RESTATE"
    """It has taken the place of an event that had failed, and is judged again: it may say nothing new any more."""
    CLAIM = "CLAIM"
    """A worker, or a taker (PULL), leases it for an attempt."""
    RECORD = "RECORD"
    """The result of the attempt is stored. The end of a taker's lease is one, too."""
    EXPIRE = "EXPIRE"
    """The sweep finds that a worker's lease has expired without a result."""
    HOLD = "HOLD"
    """Its webhook is disabled."""
    RELEASE = "RELEASE"
    """Its webhook is enabled again."""
    REPLAY = "REPLAY"
    """Somebody asks for it to be sent again."""
    CANCEL = "CANCEL"
    """Somebody withdraws it."""
    CANCEL_ALL = "CANCEL_ALL"
    """Its webhook is deleted."""


_T = Transition

#: From each state (None: the event is new) to each other, and by which transitions. A state that stays is no move.
TRANSITIONS: Final[Mapping[WebhookEventState | None, Mapping[WebhookEventState, frozenset[Transition]]]] = {
    None: {
        _S.PENDING: frozenset({_T.INSERT, _T.INSERT_TEST}),
        _S.HELD: frozenset({_T.INSERT}),
        _S.SKIPPED: frozenset({_T.INSERT}),
        _S.RENDER_FAILED: frozenset({_T.INSERT}),
        # Claimed as it is made.
        _S.SENDING: frozenset({_T.INSERT}),
    },
    _S.PENDING: {
        _S.SENDING: frozenset({_T.CLAIM}),
        _S.SUPERSEDED: frozenset({_T.SUPERSEDE}),
        _S.SKIPPED: frozenset({_T.RESTATE}),
        _S.HELD: frozenset({_T.HOLD}),
        _S.CANCELLED: frozenset({_T.CANCEL, _T.CANCEL_ALL}),
    },
    _S.SENDING: {
        _S.DELIVERED: frozenset({_T.RECORD}),
        _S.RETRYING: frozenset({_T.RECORD, _T.EXPIRE}),
        _S.FAILED: frozenset({_T.RECORD}),
        # Instead of RETRYING, when the webhook was disabled or deleted meanwhile.
        _S.HELD: frozenset({_T.RECORD, _T.EXPIRE}),
        _S.CANCELLED: frozenset({_T.RECORD, _T.EXPIRE}),
    },
    _S.RETRYING: {
        _S.SENDING: frozenset({_T.CLAIM}),
        _S.SUPERSEDED: frozenset({_T.SUPERSEDE}),
        _S.HELD: frozenset({_T.HOLD, _T.REPLAY}),
        _S.CANCELLED: frozenset({_T.CANCEL, _T.CANCEL_ALL}),
    },
    _S.HELD: {
        # PENDING when it was never attempted.
        _S.PENDING: frozenset({_T.RELEASE}),
        _S.RETRYING: frozenset({_T.RELEASE}),
        _S.SUPERSEDED: frozenset({_T.SUPERSEDE}),
        _S.SKIPPED: frozenset({_T.RESTATE}),
        _S.CANCELLED: frozenset({_T.CANCEL, _T.CANCEL_ALL}),
    },
    **{
        # HELD while the webhook is disabled.
        closed: {_S.PENDING: frozenset({_T.REPLAY}), _S.HELD: frozenset({_T.REPLAY})}
        for closed in RESENDABLE
    },
    # Replayed, it stays as it is, and a worker renders it again: a new event takes its place.
    _S.RENDER_FAILED: {_S.SUPERSEDED: frozenset({_T.SUPERSEDE})},
    _S.SKIPPED: {},
}
