"""Keep the webhooks of all owners in memory, indexed by the columns that they watch."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from app.db.horizon import NOTHING_KNOWN, Horizon
from app.db.pool import Connection
from app.errors import InvalidInput
from app.webhooks.db.webhooks import Subscription, WebhookId, list_changed_subscriptions, list_existing
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import UNTRIGGERED, UNWATCHED
from schema import schema
from schema.stored.triggers import watched_by
from schema.stored.validate import stored_query

#: An owner's seller id; None is the operator.
Owner = int | None

#: Queries that are analysed before other tasks get a turn. Each takes some milliseconds.
_ANALYSED_AT_ONCE = 10


@dataclass(slots=True, kw_only=True)
class Group:
    """Webhooks of one owner and type with the same query and triggers.

    Attributes:
        watched: The watched columns as `table.column`; None when the query does not fit the schema any more.
        problem: Why the query does not fit; None when it does.
        webhooks: The webhooks that get changes.
        missing: The webhooks that miss changes because they are disabled, by the events that they ask for.
    """

    query_string: str
    triggers: tuple[str, ...]
    watched: frozenset[str] | None
    problem: str | None
    webhooks: dict[WebhookId, Subscription] = field(default_factory=dict)
    missing: dict[tuple[WebhookEventName, ...], dict[WebhookId, Subscription]] = field(default_factory=dict)

    def add(self, webhook: Subscription) -> None:
        of_kind = self.missing.setdefault(webhook.event_names, {}) if webhook.misses_changes else self.webhooks
        of_kind[webhook.id] = webhook

    def discard(self, webhook: Subscription) -> None:
        self.webhooks.pop(webhook.id, None)
        if of_events := self.missing.get(webhook.event_names):
            of_events.pop(webhook.id, None)
            if not of_events:
                del self.missing[webhook.event_names]

    @property
    def is_empty(self) -> bool:
        return not self.webhooks and not self.missing


class Audience:
    """The webhooks of one owner about one type of entity."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, tuple[str, ...]], Group] = {}
        # Both are built from the groups when they are next needed.
        self._listed: list[Group] | None = None
        self._by_column: dict[str, list[Group]] | None = None
        self._unanalysed: dict[WebhookId, Subscription] = {}

    def add(self, webhook: Subscription) -> None:
        self._unanalysed[webhook.id] = webhook

    def discard(self, webhook: Subscription) -> None:
        self._unanalysed.pop(webhook.id, None)
        group = self._groups.get((webhook.query_string, webhook.triggers))
        if group is None:
            return
        group.discard(webhook)
        if group.is_empty:
            del self._groups[webhook.query_string, webhook.triggers]
            self._listed = self._by_column = None

    async def analyse(self) -> None:
        """Sort the added webhooks into groups. If there are many, let other tasks run in between."""
        count = 0
        while self._unanalysed:
            webhook = self._unanalysed.pop(next(iter(self._unanalysed)))
            key = (webhook.query_string, webhook.triggers)
            if key not in self._groups:
                self._groups[key] = _group_of(webhook)
                self._listed = self._by_column = None
                count += 1
            self._groups[key].add(webhook)
            if count and count % _ANALYSED_AT_ONCE == 0:
                await asyncio.sleep(0)

    @property
    def groups(self) -> Sequence[Group]:
        if self._listed is None:
            self._listed = list(self._groups.values())
        return self._listed

    def groups_watching(self, columns: Iterable[str]) -> list[Group]:
        """Return the groups that watch one of these columns, and the groups whose query can't run."""
        if self._by_column is None:
            self._by_column = self._index()
        found = {id(group): group for column in columns for group in self._by_column.get(column, ())}
        return [*found.values(), *self._by_column.get(_ANY, ())]

    def watched(self, columns: frozenset[str]) -> frozenset[str]:
        """Return the columns that some webhook watches."""
        return frozenset().union(*(columns & group.watched for group in self.groups if group.watched is not None))

    @property
    def is_empty(self) -> bool:
        return not self._groups and not self._unanalysed

    def _index(self) -> dict[str, list[Group]]:
        by_column: dict[str, list[Group]] = {}
        for group in self.groups:
            for column in (_ANY,) if group.watched is None else group.watched:
                by_column.setdefault(column, []).append(group)
        return by_column


#: Key in the index of columns for groups whose query can't run. Every change concerns them.
_ANY = ""


class Skips:
    """Counts the changes that did not concern all webhooks of an owner, by type, owner and changed columns.

    They are not counted per webhook, because that would cost as much as sending the change.
    """

    def __init__(self) -> None:
        self._changes: Counter[tuple[str, Owner, frozenset[str]]] = Counter()

    def note(self, entity_type: str, owner: Owner, columns: frozenset[str]) -> None:
        self._changes[entity_type, owner, columns] += 1

    def take(self) -> list[tuple[str, Owner, frozenset[str], int]]:
        """Return the counts, and start again from zero."""
        taken, self._changes = self._changes, Counter()
        return [(*key, number) for key, number in taken.items()]


class Subscriptions:
    """All webhooks that are not deleted, as of the last `refresh`."""

    def __init__(self) -> None:
        self._horizon = NOTHING_KNOWN
        self._known: dict[WebhookId, tuple[int, Subscription]] = {}
        self._audiences: dict[tuple[str, Owner], Audience] = {}
        self.skips = Skips()
        # Sellers' webhooks, by type of entity and seller.
        self._of_sellers: dict[str, Counter[int]] = {}

    @property
    def horizon(self) -> Horizon:
        """Up to where the changes of webhooks are known."""
        return self._horizon

    async def refresh(self, conn: Connection) -> None:
        """Read the webhooks that were changed since the last refresh, in one statement."""
        changed = await list_changed_subscriptions(conn, self._horizon)
        if changed.horizon.server_started_at != self._horizon.server_started_at:
            self._forget_server()
        for webhook, version in zip(changed.subscriptions, changed.versions, strict=True):
            self.take_over(webhook, version)
        if changed.are_all:
            await self._discard_missing(conn, {webhook.id for webhook in changed.subscriptions})
        self._horizon = max(self._horizon, changed.horizon)

    def _forget_server(self) -> None:
        """Take over whatever the present server has: the versions that are known were another one's."""
        self._horizon = NOTHING_KNOWN
        self._known = {webhook_id: (0, webhook) for webhook_id, (_, webhook) in self._known.items()}

    def read_all_next(self) -> None:
        """Have the next refresh read all webhooks, because a row may have been deleted by hand.

        Until then nothing is discarded: another step of this process may be selecting webhooks.
        """
        self._horizon = self._horizon._replace(xid=0)

    async def _discard_missing(self, conn: Connection, read: set[WebhookId]) -> None:
        """Discard webhooks whose rows are gone, but not those that were created since all were read."""
        unread = self._known.keys() - read
        if not unread:
            return
        for webhook_id in unread - await list_existing(conn, unread):
            # Another refresh may have discarded it meanwhile.
            known = self._known.pop(webhook_id, None)
            if known is not None:
                self._discard(known[1])

    def _discard(self, webhook: Subscription) -> None:
        if webhook.deleted_at is None:
            self._audiences[webhook.type.entity_type, webhook.seller_id].discard(webhook)
            self._count_of_seller(webhook, -1)

    def _count_of_seller(self, webhook: Subscription, number: int) -> None:
        if webhook.seller_id is not None:
            counts = self._of_sellers.setdefault(webhook.type.entity_type, Counter())
            counts[webhook.seller_id] += number
            if not counts[webhook.seller_id]:
                del counts[webhook.seller_id]

    def has_sellers(self, entity_type: str) -> bool:
        """Return whether any seller has a webhook about this type."""
        return bool(self._of_sellers.get(entity_type))

    def list_sellers(self, entity_type: str) -> list[int]:
        """Return the sellers that have a webhook about this type."""
        return list(self._of_sellers.get(entity_type, ()))

    async def audience(self, entity_type: str, owner: Owner) -> Audience | None:
        """Return an owner's webhooks about a type; None when there are none."""
        audience = self._audiences.get((entity_type, owner))
        if audience is None or audience.is_empty:
            return None
        await audience.analyse()
        return audience

    async def count_skips(self) -> list[tuple[WebhookId, str, int]]:
        """Return how many changes were not sent to each webhook since the last call, with the reason."""
        counts: Counter[tuple[WebhookId, str]] = Counter()
        for entity_type, owner, columns, number in self.skips.take():
            audience = await self.audience(entity_type, owner)
            if audience is None:
                continue
            for group in audience.groups:
                if group.watched is None or not group.watched.isdisjoint(columns):
                    continue
                reason = UNTRIGGERED if group.triggers else UNWATCHED
                for webhook in group.webhooks.values():
                    if WebhookEventName.UPDATE in webhook.event_names:
                        counts[webhook.id, reason] += number
        return [(webhook_id, reason, number) for (webhook_id, reason), number in counts.items()]

    def take_over(self, webhook: Subscription, version: int) -> None:
        """Replace the known version of a webhook, unless that is newer: refreshes may overlap."""
        known = self._known.get(webhook.id)
        if known is not None and known[0] >= version:
            return
        self._known[webhook.id] = (version, webhook)
        if known is not None:
            # After a failover all are read. To analyse ten thousand queries anew would hold up publishing.
            if known[1] == webhook:
                return
            self._discard(known[1])
        if webhook.deleted_at is None:
            key = (webhook.type.entity_type, webhook.seller_id)
            self._audiences.setdefault(key, Audience()).add(webhook)
            self._count_of_seller(webhook, 1)


def _group_of(webhook: Subscription) -> Group:
    try:
        query = stored_query(schema._schema, webhook.query_string, webhook.type)
    except InvalidInput as error:
        return Group(query_string=webhook.query_string, triggers=webhook.triggers, watched=None, problem=error.message)
    watched = _shared(watched_by(schema._schema, query, webhook.triggers))
    return Group(query_string=webhook.query_string, triggers=webhook.triggers, watched=watched, problem=None)


@lru_cache(maxsize=10_000)
def _shared(watched: frozenset[str]) -> frozenset[str]:
    """Return one shared set for equal ones: thousands of queries may differ in their names only."""
    return watched
