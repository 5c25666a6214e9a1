"""A marketplace, its subscribers and its workers, as the steps of a history change them; the model looks on.

Above 300 lines: the steps of a history and what they do to the model stand side by side.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from app.webhooks.db.ordering import blocked_events
from app.webhooks.db.ordering.blocked_events import Place
from schema.entities import global_ids
from tests.builders.variants import create_variant
from tests.histories.ending import check_end
from tests.histories.endpoint import HOLDING, Endpoint, Mood
from tests.histories.knowledge import Knowledge
from tests.histories.log import read_log
from tests.histories.model import (
    FIELDS,
    MOVED,
    OPEN,
    Commit,
    Event,
    Round,
    State,
    Subscription,
    find_stalled,
    text_of,
)
from tests.histories.rounds import check_creations, check_missed, check_round
from tests.histories.taker import Taker
from tests.histories.workers import Stage, Workers
from tests.support.platform import Platform
from tests.support.waiting import LOCK_IS_AWAITED, until
from workers.upkeep.sweep import sweep_all

_COLUMNS = {"label": "label", "sku": "sku", "count": "count_on_hand"}
#: Rounds of deliveries after which all must be over, once the endpoint is well.
_MOST_ROUNDS = 30


@dataclass(slots=True, kw_only=True)
class World:
    """A marketplace whose variants live in slots. An erased variant makes room for another.

    Attributes:
        sellers: Two; variants go from one to the other.
        keys: Of each seller, and of the operator: who a webhook belongs to registers it.
        unpublished: What was committed and no publisher has seen, oldest first.
        lost: Events that a dead worker had claimed, or that a receiver has taken and forgotten.
        takers: The receivers of pulled webhooks, by these.
        deleted: Webhooks that are gone, and whose events are still looked at.
        missing: Webhooks that missed changes at the last look.
        missed: What each of them has missed since it was disabled.
    """

    conn: asyncpg.Connection
    api: Platform
    endpoint: Endpoint
    workers: Workers
    advert_id: int
    sellers: Sequence[int]
    keys: Mapping[int | None, str]
    subscriptions: list[Subscription] = field(default_factory=list)
    slots: dict[int, int] = field(default_factory=dict)
    states: dict[int, State] = field(default_factory=dict)
    unpublished: list[Commit] = field(default_factory=list)
    knowledge: Knowledge = field(default_factory=Knowledge)
    lost: list[int] = field(default_factory=list)
    takers: dict[int, Taker] = field(default_factory=dict)
    deleted: list[int] = field(default_factory=list)
    missing: frozenset[int] = frozenset()
    missed: dict[int, list[Commit]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    async def subscribe(self, url: str, given: Subscription, **attributes: Any) -> None:
        if given.is_pulled:
            attributes["delivery"] = "PULL"
        made = await self.api.create_webhook(
            None if given.is_pulled else url,
            given.query,
            self.keys[given.owner],
            type="VARIANT",
            eventNames=[name.upper() for name in sorted(given.events)],
            triggers=list(given.triggers),
            allowSkip=given.allow_skip,
            everyChange=given.every_change,
            includePrevious=True,
            **attributes,
        )
        webhook_id = global_ids.decode(made["webhook"]["id"])[1]
        self.endpoint.webhooks[urlsplit(url).path] = webhook_id
        self.subscriptions.append(replace(given, id=webhook_id))
        if given.is_pulled:
            self.takers[webhook_id] = Taker(self.api, self.keys[given.owner], webhook_id, self.endpoint)
        self.knowledge.begin(self.subscriptions[-1], self.states)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is in flight."""
        return self.workers.is_quiet and not any(taker.held for taker in self.takers.values())

    async def commit(self, changes: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """One transaction: (slot, what its variant is to be). Nobody is there: it is made."""
        before = dict(self.states)
        touched: dict[int, set[str]] = {}
        paths: dict[int, list[State]] = {}
        async with self.conn.transaction():
            for slot, wanted in changes:
                if (done := await self._change(slot, wanted)) is not None:
                    variant = self.slots[slot]
                    touched.setdefault(variant, set()).update(done)
                    paths.setdefault(variant, []).append(self.states[variant])
        self.unpublished += [
            Commit(variant=id_, before=before.get(id_), path=tuple(paths[id_]), touched=frozenset(fields))
            for id_, fields in touched.items()
        ]

    async def _change(self, slot: int, wanted: dict[str, Any]) -> set[str] | None:
        """Change a variant, deleted or not. Return the fields that differ; None when nothing changed."""
        variant = self.slots.get(slot)
        state = self.states[variant] if variant else None
        if variant is None or state is None or state.life == "erased":
            if "life" in wanted:
                return None
            await self._make(slot, State(**{"label": "a", "sku": "a", "count": 1, **wanted}))
            return set(FIELDS)
        becomes = replace(state, **wanted)
        if becomes == state:
            return None
        self.states[variant] = becomes
        match wanted.get("life"):
            case "erased":
                await self.conn.execute("delete from variants where id = $1", variant)
            case "alive" | "deleted" as life:
                deleted_at = "now()" if life == "deleted" else "null"
                await self.conn.execute(f"update variants set deleted_at = {deleted_at} where id = $1", variant)
            case _:
                values = self._columns(wanted)
                sets = ", ".join(f"{column} = ${place}" for place, column in enumerate(values, 2))
                await self.conn.execute(f"update variants set {sets} where id = $1", variant, *values.values())
        return {name for name, own in (FIELDS | MOVED).items() if getattr(state, own) != getattr(becomes, own)}

    def _columns(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the columns and values of a state."""
        values = {_COLUMNS[name]: value for name, value in given.items() if name in _COLUMNS}
        if "label" in values:
            values["label"] = text_of(values["label"])
        return values | ({"seller_id": self.sellers[given["seller"]]} if "seller" in given else {})

    async def _make(self, slot: int, state: State) -> None:
        given = {name: getattr(state, name) for name in (*_COLUMNS, "seller")}
        made = await create_variant(self.conn, advert_id=self.advert_id, **self._columns(given))
        self.slots[slot] = made.id
        self.states[made.id] = state

    async def publish(self, *, delivering: bool = False) -> None:
        """Run all publishers until nothing waits, and deliverers at the same time if wanted."""
        before, commits, self.unpublished = await self.log(), self.unpublished, []
        is_quiet = self.is_quiet and not delivering
        await asyncio.gather(self.workers.publish(), *([self._deliver()] if delivering else []))
        await self._check(commits, before, is_quiet=is_quiet)

    async def publish_and_die(self, after_s: float) -> None:
        before, commits = await self.log(), self.unpublished
        await self.workers.publish_and_die(after_s)
        rows = await self.conn.fetch(
            "select distinct entity_id from change_events where published_at is null and entity_type = 'Variant'"
        )
        left = {row["entity_id"] for row in rows}
        self.unpublished = [commit for commit in commits if commit.variant in left]
        done = [commit for commit in commits if commit.variant not in left]
        await self._check(done, before, is_quiet=self.is_quiet)

    async def _publish_beside(self, locking: Awaitable[None]) -> None:
        """Publish while something locks shards now and then, and once more: claims pass by what is locked."""
        await asyncio.gather(self.workers.publish(), locking)
        await self.workers.publish()

    async def erase_while_published(self, slot: int) -> None:
        """Erase a variant after a publisher has claimed its changes, and before it is rendered."""
        variant = self.slots.get(slot)
        if variant is None or self.states[variant].life == "erased":
            return
        before, commits, self.unpublished = await self.log(), self.unpublished, []
        is_quiet = self.is_quiet
        eraser = await asyncpg.connect(self.api.settings.database_url)
        try:
            async with eraser.transaction():
                await eraser.execute("lock table variants in access exclusive mode")
                publishing = asyncio.create_task(self.workers.publish())
                await until(lambda: self._has_stopped(publishing))
                await eraser.execute("delete from variants where id = $1", variant)
        finally:
            await eraser.close()
        await publishing
        await self.workers.publish()
        becomes = replace(self.states[variant], life="erased")
        erased = Commit(variant=variant, before=self.states[variant], path=(becomes,))
        self.states[variant] = becomes
        await self._check([*commits, erased], before, is_quiet=is_quiet, torn=frozenset({variant}))

    async def _has_stopped(self, publishing: asyncio.Task[None]) -> bool:
        """Whether publishers wait for the lock, or have had nothing to publish."""
        return publishing.done() or bool(await self.conn.fetchval(LOCK_IS_AWAITED))

    async def storm(self, counts: Sequence[tuple[int, int]]) -> None:
        """Changes, publishers and deliverers all at once: (slot, count) one after the other."""
        await self.publish()
        before = await self.log()
        alive = [(slot, count) for slot, count in counts if self._is_alive(slot)]
        jobs = [asyncio.create_task(self.workers.publish()), asyncio.create_task(self._deliver())]
        for slot, count in alive:
            await self.commit([(slot, {"count": count})])
            jobs.append(asyncio.create_task(self.workers.publish()))
        await asyncio.gather(*jobs)
        await self.workers.publish()
        commits, self.unpublished = self.unpublished, []
        await self._check(commits, before, is_quiet=False, is_storm=True)

    def _is_alive(self, slot: int) -> bool:
        return slot in self.slots and self.states[self.slots[slot]].life == "alive"

    async def _check(
        self,
        commits: Sequence[Commit],
        before: dict[int, Event],
        *,
        is_quiet: bool,
        is_storm: bool = False,
        torn: frozenset[int] = frozenset(),
        unchecked: int | None = None,
    ) -> None:
        """Check the events of a round, except for webhooks with a backfill, a disabling or an enabling in between."""
        after, missing = await self.log(), await self._missing()
        came = self.endpoint.arrivals
        seen = Round(
            commits=commits,
            before=before,
            after=after,
            arrived=frozenset(arrival.event for arrival in came),
            taken=frozenset(arrival.event for arrival in came if arrival.status == 200),
            is_quiet=is_quiet,
            is_storm=is_storm,
            torn=torn,
        )
        for subscription in self.subscriptions:
            self.wrong += check_creations(subscription, seen)
            if subscription.id in self.missing | missing:
                self.missed.setdefault(subscription.id, []).extend(commits)
                if subscription.id in self.missing & missing:
                    self.wrong += check_missed(subscription, seen)
                continue
            if subscription.id != unchecked:
                self.wrong += check_round(subscription, seen)
            self.knowledge.note(subscription, seen)
        self.missing = missing

    async def _missing(self) -> frozenset[int]:
        """Return the disabled webhooks, except those whose every change is held."""
        rows = await self.conn.fetch("select id from webhooks where not is_enabled and not every_change")
        return frozenset(row["id"] for row in rows)

    async def deliver(self) -> None:
        await self._deliver()
        await self._check_stalled()

    async def _deliver(self) -> None:
        to_the_end = self.endpoint.mood not in HOLDING and not self.endpoint.held
        await self.workers.deliver(to_the_end=to_the_end)
        for taker in self.takers.values():
            self.lost += await taker.take_all(self.endpoint.mood)

    async def answer(self, mood: Mood) -> None:
        """Set the answer from now on. Held POSTs are answered once the endpoint stops holding."""
        self.endpoint.mood = mood
        if mood not in HOLDING:
            self.endpoint.release()
            await self._finish()
            await self._check_stalled()

    async def _finish(self) -> None:
        """End what is held back."""
        await self.workers.finish()
        for taker in self.takers.values():
            self.wrong += await taker.settle_held()

    async def _check_stalled(self) -> None:
        if self.is_quiet:
            self.wrong += find_stalled(await self.log(), self.subscriptions)

    async def deliver_and_die(self, stage: Stage) -> None:
        events = await self.workers.deliver_and_die(stage)
        self.endpoint.abandon(events)
        self.lost += events
        for taker in self.takers.values():
            self.lost += await taker.take_all("drop")

    async def expire_leases(self) -> None:
        """Let the leases of dead workers expire, and of all that a receiver has taken, however alive it is."""
        for taker in self.takers.values():
            self.lost += taker.let_expire()
        await self.conn.execute(
            "update webhook_events set lease_until = clock_timestamp() - interval '1 s'"
            " where id = any($1::bigint[]) and state = 'SENDING'",
            self.lost,
        )
        self.lost = []
        await sweep_all(self.workers.resources[1])

    async def set_aside(self) -> None:
        """Set all blocked events aside, however short they are due. None of them may be forgotten."""
        place: Place | None = Place()
        while place is not None:
            async with self.conn.transaction():
                place = (await blocked_events.set_aside_blocked(self.conn, place, blocked_s=0)).place
        await self._check_forgotten()

    async def _check_forgotten(self) -> None:
        if forgotten := await blocked_events.release_forgotten(self.conn):
            self.wrong.append(f"set aside, and blocked by none: {forgotten}")

    async def make_due(self) -> None:
        """Make every retry due, and end every pause."""
        await self.conn.execute(
            "update webhook_events set due_at = clock_timestamp() where state = 'RETRYING';"
            " update webhooks set paused_until = null where paused_until is not null"
        )

    async def enable(self, place: int, *, is_enabled: bool) -> None:
        """Enable a webhook, which catches up while publishers work."""
        for subscription in self._at(place):
            if is_enabled:
                before, commits, self.unpublished = await self.log(), self.unpublished, []
                await self._mutate("webhookUpdate", subscription, attributes={"enabled": True})
                await self._publish_beside(self.workers.catch_up())
                await self._check(commits, before, is_quiet=self.is_quiet, unchecked=subscription.id)
                # It is told of all that it has missed as if it had happened since the last look.
                self.knowledge.note_missed(subscription, self.missed.pop(subscription.id, []))
                self.knowledge.note_caught_up(subscription, self.states)
            else:
                await self._mutate("webhookUpdate", subscription, attributes={"enabled": False})
                self.missing = await self._missing()

    async def ask_for(self, place: int, reads: tuple[str, ...]) -> None:
        """Change the query for future publishing; waiting events stay as they are.

        Not of one that has missed changes: the former query has decided about them.
        """
        for subscription in self._at(place):
            if self.missed.get(subscription.id):
                continue
            changed = replace(subscription, reads=reads)
            await self._mutate("webhookUpdate", subscription, attributes={"queryString": changed.query})
            self.subscriptions[self.subscriptions.index(subscription)] = changed

    async def rotate_secret(self, place: int) -> None:
        for subscription in self._at(place):
            await self._mutate("webhookSecretRotate", subscription)

    async def delete(self, place: int) -> None:
        for subscription in self._at(place):
            await self._mutate("webhookDelete", subscription)
            self.subscriptions.remove(subscription)
            self.deleted.append(subscription.id)
            self.knowledge.forget(subscription)

    async def backfill(self, place: int) -> None:
        """Run a backfill while publishers work. Other histories' variants and disabled webhooks are left out."""
        for subscription in self._at(place):
            if not await self.conn.fetchval("select is_enabled from webhooks where id = $1", subscription.id):
                continue
            before, commits, self.unpublished = await self.log(), self.unpublished, []
            since = await self.conn.fetchval("select min(updated_at) from variants where id = any($1)", [*self.states])
            given = {"ratePerSecond": 500, "updatedSince": since and since.isoformat()}
            await self._mutate("webhookBackfill", subscription, **given)
            await self._publish_beside(self.workers.backfill())
            await self._check(commits, before, is_quiet=self.is_quiet, unchecked=subscription.id)
            self.knowledge.note_all(subscription, self.states)

    def _at(self, place: int) -> Sequence[Subscription]:
        """The one at a place, as long as there is any."""
        return [self.subscriptions[place % len(self.subscriptions)]] if self.subscriptions else []

    async def replay(self, place: int) -> None:
        """Replay an event that has ended, the newest first."""
        ended = {*OPEN, "SKIPPED", "RENDER_FAILED"}
        events = [one for one in (await self.log()).values() if one.state not in ended]
        if events:
            event = sorted(events, key=lambda one: -one.id)[place % len(events)]
            if await self._mutate("webhookEventReplay", event):
                self.endpoint.asked_for.add(event.id)

    async def cancel(self, place: int) -> None:
        """Cancel an event that waits, the newest first."""
        events = [one for one in (await self.log()).values() if one.state in OPEN - {"SENDING"}]
        if events:
            event = sorted(events, key=lambda one: -one.id)[place % len(events)]
            await self._mutate("webhookEventCancel", event)

    async def _mutate(self, name: str, of: Subscription | Event, **given: Any) -> bool:
        type_name = "Webhook" if isinstance(of, Subscription) else "WebhookEvent"
        given[f"{type_name[0].lower()}{type_name[1:]}Id"] = global_ids.encode(type_name, of.id)
        input_type = f"{name[0].upper()}{name[1:]}MutationInput"
        document = f"mutation($input: {input_type}!) {{ {name}(input: $input) {{ status }} }}"
        return bool((await self.api.data(document, {"input": given}))[name]["status"] == 200)

    async def end(self) -> list[str]:
        """Make the endpoint healthy, and deliver everything. Return all that was wrong."""
        await self._check_forgotten()
        self.endpoint.mood = "ok"
        self.endpoint.release()
        await self._finish()
        for place in range(len(self.subscriptions)):
            await self.enable(place, is_enabled=True)
        await self.publish()
        for _ in range(_MOST_ROUNDS):
            self.lost += [event.id for event in (await self.log()).values() if event.state == "SENDING"]
            await self.expire_leases()
            await self.make_due()
            await self.deliver()
            await self._check_forgotten()
            log = await self.log()
            if not any(event.state in OPEN for event in log.values()):
                break
        overlaps = [f"both in flight: {pair}" for pair in self.endpoint.overlaps]
        wrong = [*self.wrong, *overlaps, *check_end(log, self.endpoint.arrivals, self.knowledge)]
        # Large bodies are in it.
        return [one.replace("L" * 100, "").replace("X" * 100, "") for one in wrong]

    async def log(self) -> dict[int, Event]:
        return await read_log(self.conn, [*[subscription.id for subscription in self.subscriptions], *self.deleted])
