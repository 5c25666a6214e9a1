"""Messages of pulled webhooks as their receivers get them: the body and signed headers of a POST, and a lease."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from databases import Database

from app.auth.viewers import Viewer
from app.errors import InvalidInput, PayloadGone, PreSendError
from app.kernel import clock
from app.settings import Settings
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.services import messages
from app.webhooks.services.attempts import Outcome
from app.webhooks.services.messages import MessageId
from schema.stored.envelope import Envelope, seal

_FORM = re.compile(r"WebhookMessage-([1-9][0-9]{0,18})-([1-9][0-9]{0,8})\Z")
_BIGINT_MAX = 2**63 - 1
#: A body is JSON within JSON: a quotation mark or a backslash takes two bytes, and everything else as many as before.
_ESCAPED: Final = 2
#: Bytes that a header, a leaf and an earlier answer may take, with the names and quotation marks around them.
_PER_HEADER, _PER_LEAF, _PER_ANSWER = 40, 200, 16_384


class Message(NamedTuple):
    """A message that was taken: the claimed event, and what its receiver gets."""

    due: DueEvent
    envelope: Envelope

    @property
    def id(self) -> MessageId:
        return MessageId(self.due.id, self.due.attempt)


class AnswerRoom(NamedTuple):
    """The room for messages in an answer.

    Attributes:
        max_bytes: TELLGRAPH_MAX_RESPONSE_BYTES.
        bodies: How many times the answer shows the body of each message, or its payload.
        headers: How many times it shows their names or values.
        answers: How many times it shows what the receiver answered to earlier attempts.
        leaves: The number of leaves that it selects, at any depth.
    """

    max_bytes: int
    bodies: int = 1
    headers: int = 2
    answers: int = 0
    leaves: int = 10

    @property
    def claimed_bytes(self) -> int:
        """The bytes of payloads that may be claimed. Half of the answer: the one that reaches the bound comes, too."""
        return self.max_bytes // (2 * _ESCAPED * max(self.bodies, 1))

    def size_of(self, message: "Message") -> int:
        """Return the most bytes that a message takes in the answer."""
        headers = sum(len(name) + len(value) + _PER_HEADER for name, value in message.envelope.headers)
        per_leaf = _PER_LEAF * self.leaves + _PER_ANSWER * self.answers
        return _ESCAPED * (self.bodies * len(message.envelope.body) + self.headers * headers) + per_leaf


async def take_messages(
    database: Database,
    viewer: Viewer,
    settings: Settings,
    *,
    webhook_id: WebhookId,
    first: int,
    lease_s: int,
    room: AnswerRoom,
) -> list[Message]:
    """Take messages and sign them. An event that can't be handed over is recorded as a POST that can't be sent.

    Those for which the answer has no room after all can be taken again at once. Errors are those of `messages.take`.
    """
    claimed = await messages.take(
        database, viewer, webhook_id=webhook_id, first=first, lease_s=lease_s, max_bytes=room.claimed_bytes
    )
    now, left = clock.now(), room.max_bytes - _PER_ANSWER
    taken: list[Message] = []
    unsent: list[Outcome] = []
    for due in claimed:
        try:
            message = Message(due, seal(due, settings, now=now))
            left -= room.size_of(message)
            if left >= 0 or not taken:
                taken.append(message)
            else:
                unsent.append(Outcome(due, ErrorKind.CANCELLED, "The answer had no room for it."))
        except PreSendError as error:
            kind = ErrorKind.PAYLOAD_GONE if isinstance(error, PayloadGone) else ErrorKind.UNSENT
            # A test is tried only once.
            kind = ErrorKind.INTERNAL if due.event_name == "test" and kind is ErrorKind.UNSENT else kind
            unsent.append(Outcome(due, kind, str(error)))
    if unsent:
        await messages.give_up(database, unsent)
    return taken


def encode_message_id(message: MessageId) -> str:
    """Return the global id of a message."""
    return base64.b64encode(f"WebhookMessage-{message.event}-{message.attempt}".encode()).decode()


def decode_message_ids(global_ids: Sequence[str]) -> list[MessageId]:
    """Return the messages that these ids name. Raises InvalidInput, which names each malformed one."""
    found, wrong = [], {}
    for place, global_id in enumerate(global_ids):
        try:
            match = _FORM.match(base64.b64decode(global_id, validate=True).decode())
        except (binascii.Error, ValueError):
            match = None
        if match is None or int(match[1]) > _BIGINT_MAX:
            wrong[f"ids.{place}"] = [f"{global_id[:64]!r} is not the id of a message"]
        else:
            found.append(MessageId(WebhookEventId(int(match[1])), int(match[2])))
    if wrong:
        raise InvalidInput("Some ids are not of messages.", fields=wrong)
    return found
