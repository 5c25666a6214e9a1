"""A webhook that is enabled again is sent the present state of what changed while it was disabled.

Above 300 lines: one table of what may happen to an entity while its webhook is disabled.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from app.auth.viewers import Viewer
from app.db.pool import Connection
from app.webhooks.db import webhook_outages
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.services.webhook_deletions import delete_webhook
from app.webhooks.services.webhooks import update_webhook
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.outbox import MadeEvent, Publisher
from workers.upkeep.catch_up import BATCH_SIZE, catch_up_all, catch_up_step
from workers.upkeep.sweep import sweep_all

CREATE, UPDATE, DESTROY = WebhookEventName


async def enable(publisher: Publisher, webhook_id: int, *, is_enabled: bool = True) -> None:
    """As webhookUpdate does."""
    resources = publisher.resources
    await update_webhook(
        resources.database,
        Viewer(None),
        resources.settings,
        webhook_id=WebhookId(webhook_id),
        attributes={"is_enabled": is_enabled},
    )


async def disable(publisher: Publisher, webhook_id: int) -> None:
    await enable(publisher, webhook_id, is_enabled=False)


async def watch_variants(publisher: Publisher, query: str = "sku", **given: Any) -> int:
    return await publisher.subscribe(query, klass=WebhookKlass.VARIANT, **given)


async def catch_up(publisher: Publisher, webhook_id: int) -> list[MadeEvent]:
    """Enable the webhook and let it catch up. Returns what was made of it."""
    before = {one.id for one in await publisher.made()}
    await enable(publisher, webhook_id)
    # A job ends after half a minute; a busy machine may need several.
    while await catch_up_all(publisher.resources):
        pass
    return [one for one in await publisher.made() if one.id not in before]


async def missed(conn: Connection) -> list[tuple[str, int]]:
    rows = await conn.fetch("select entity_type, entity_id from missed_changes order by turn")
    return [(row["entity_type"], row["entity_id"]) for row in rows]


async def is_behind(conn: Connection, webhook_id: int) -> bool:
    return bool(await conn.fetchval("select missed_since is not null from webhooks where id = $1", webhook_id))


def outcomes(made: Sequence[MadeEvent]) -> list[tuple[int, tuple[str, str]]]:
    return [(one.entity[1], one.outcome) for one in made]


async def test_what_changes_costs_one_row_and_no_event_however_many_webhooks_are_disabled(publisher: Publisher) -> None:
    webhooks = [await watch_variants(publisher) for _ in range(3)]
    for webhook_id in webhooks:
        await disable(publisher, webhook_id)

    variant = await create_variant(publisher.conn)
    await publisher.publish()
    for sku in ("a", "b"):
        await publisher.conn.execute("update variants set sku = $1", sku)
        await publisher.publish()

    assert await publisher.made() == []
    assert await missed(publisher.conn) == [("Variant", variant.id)]
    for webhook_id in webhooks:
        (made,) = await catch_up(publisher, webhook_id)
        assert (made.webhook_id, made.outcome) == (webhook_id, ("create", "PENDING"))
        assert made.response["data"]["node"]["sku"] == "b"
    await sweep_all(publisher.resources)
    assert await missed(publisher.conn) == []


async def test_what_is_not_watched_is_not_missed(publisher: Publisher) -> None:
    await create_variant(publisher.conn)
    await publisher.publish()
    webhook_id = await watch_variants(publisher)
    only_created = await watch_variants(publisher, event_names=[CREATE])
    for disabled in (webhook_id, only_created):
        await disable(publisher, disabled)

    await publisher.conn.execute("update variants set count_on_hand = 77")
    await publisher.publish()

    assert await missed(publisher.conn) == []


@pytest.mark.parametrize("how", ["api", "sql", "worker"])
async def test_however_it_was_disabled(publisher: Publisher, how: str) -> None:
    webhook_id = await watch_variants(publisher)
    variant = await create_variant(publisher.conn, sku="old")
    await publisher.publish()
    await publisher.deliver()
    if how == "api":
        await disable(publisher, webhook_id)
    elif how == "sql":
        await publisher.conn.execute("update webhooks set is_enabled = false")
    else:
        await webhook_outages.disable_webhook(publisher.conn, WebhookId(webhook_id), "The endpoint is gone.")

    await publisher.conn.execute("update variants set sku = 'new'")
    await publisher.publish()
    if how == "sql":
        await publisher.conn.execute("update webhooks set is_enabled = true")
    (made,) = await catch_up(publisher, webhook_id)

    assert (made.entity[1], made.outcome) == (variant.id, ("update", "PENDING"))
    assert made.response["data"]["node"]["sku"] == "new"
    assert made.changed == {"added": [], "updated": ["sku"], "removed": []}
    assert not await is_behind(publisher.conn, webhook_id)


async def test_one_that_is_registered_as_disabled_is_told_what_was_created_since(publisher: Publisher) -> None:
    await create_variant(publisher.conn)
    await publisher.publish()
    webhook_id = await watch_variants(publisher, is_enabled=False)

    variant = await create_variant(publisher.conn)
    await publisher.publish()

    assert outcomes(await catch_up(publisher, webhook_id)) == [(variant.id, ("create", "PENDING"))]


async def test_what_was_destroyed_is_told_to_who_may_know_it(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher)
    known = await create_variant(publisher.conn)
    await publisher.publish()
    await publisher.deliver()
    await disable(publisher, webhook_id)

    unknown = await create_variant(publisher.conn)
    await publisher.publish()
    await publisher.conn.execute("delete from variants where id = any($1::bigint[])", [known.id, unknown.id])
    await publisher.publish()

    assert outcomes(await catch_up(publisher, webhook_id)) == [(known.id, ("destroy", "PENDING"))]


async def test_what_was_deleted_and_restored_is_an_update_for_who_knows_it(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher)
    variant = await create_variant(publisher.conn)
    await publisher.publish()
    await publisher.deliver()
    await disable(publisher, webhook_id)

    for deleted_at in ("now()", "null"):
        await publisher.conn.execute(f"update variants set deleted_at = {deleted_at}, sku = 'new'")
        await publisher.publish()

    (made,) = await catch_up(publisher, webhook_id)
    assert (made.entity[1], made.outcome) == (variant.id, ("update", "PENDING"))


async def test_what_was_deleted_softly_is_destroyed_with_its_last_state(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher)
    await create_variant(publisher.conn, sku="last")
    await publisher.publish()
    await publisher.deliver()
    await disable(publisher, webhook_id)

    await publisher.conn.execute("update variants set deleted_at = now()")
    await publisher.publish()

    (made,) = await catch_up(publisher, webhook_id)
    assert made.outcome == ("destroy", "PENDING")
    assert made.response["data"]["node"]["sku"] == "last"


async def test_an_end_that_was_told_is_not_told_again(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher)
    await create_variant(publisher.conn)
    for sql in ("update variants set deleted_at = now()", "select"):
        await publisher.publish()
        await publisher.deliver()
        await publisher.conn.execute(sql)
    await disable(publisher, webhook_id)

    for sql in ("update variants set deleted_at = null", "delete from variants"):
        await publisher.conn.execute(sql)
        await publisher.publish()

    assert await missed(publisher.conn) != []
    assert await catch_up(publisher, webhook_id) == []


async def test_what_only_others_watch_is_passed_over(publisher: Publisher) -> None:
    await create_variant(publisher.conn)
    await publisher.publish()
    of_sku = await watch_variants(publisher, "sku", is_enabled=False)
    of_count = await watch_variants(publisher, "countOnHand", is_enabled=False)

    await publisher.conn.execute("update variants set count_on_hand = 77")
    await publisher.publish()

    assert await catch_up(publisher, of_sku) == []
    assert [one.outcome for one in await catch_up(publisher, of_count)] == [("update", "PENDING")]


async def test_what_was_changed_and_changed_back_is_skipped(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher)
    await create_variant(publisher.conn, sku="old")
    await publisher.publish()
    await publisher.deliver()
    await disable(publisher, webhook_id)

    for sku in ("new", "old"):
        await publisher.conn.execute("update variants set sku = $1", sku)
        await publisher.publish()

    assert [one.outcome for one in await catch_up(publisher, webhook_id)] == [("update", "SKIPPED")]


async def test_what_waited_when_it_was_disabled_gives_way_to_the_present_state(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher)
    changed, unchanged = [await create_variant(publisher.conn) for _ in range(2)]
    await publisher.publish()
    await disable(publisher, webhook_id)

    await publisher.conn.execute("update variants set sku = 'new' where id = $1", changed.id)
    await publisher.publish()
    await enable(publisher, webhook_id)
    released = outcomes(await publisher.made())
    await catch_up_all(publisher.resources)

    assert released == [(changed.id, ("create", "HELD")), (unchanged.id, ("create", "PENDING"))]
    assert outcomes(await publisher.made()) == [
        (changed.id, ("create", "SUPERSEDED")),
        (unchanged.id, ("create", "PENDING")),
        (changed.id, ("create", "PENDING")),
    ]


async def test_what_waited_and_is_destroyed_is_never_sent(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher)
    variant = await create_variant(publisher.conn)
    await publisher.publish()
    await disable(publisher, webhook_id)

    await publisher.conn.execute("delete from variants")
    await publisher.publish()
    await catch_up(publisher, webhook_id)

    assert outcomes(await publisher.made()) == [
        (variant.id, ("create", "SUPERSEDED")),
        (variant.id, ("destroy", "SKIPPED")),
    ]


async def test_what_waited_and_told_the_same_goes_out(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher)
    await create_variant(publisher.conn, sku="same")
    await publisher.publish()
    await disable(publisher, webhook_id)

    for sku in ("other", "same"):
        await publisher.conn.execute("update variants set sku = $1", sku)
        await publisher.publish()
    await catch_up(publisher, webhook_id)

    assert [one.outcome for one in await publisher.made()] == [("create", "PENDING"), ("update", "SKIPPED")]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([CREATE], ["create", "create", None]),
        ([UPDATE], [None, "update", "update"]),
        ([DESTROY], [None, None, None]),
        ([CREATE, UPDATE, DESTROY], ["create", "create", "update"]),
    ],
)
async def test_who_asks_for_some_kinds_of_change_is_told_of_those(
    publisher: Publisher, events: list[WebhookEventName], expected: list[str | None]
) -> None:
    known = await create_variant(publisher.conn)
    await publisher.publish()
    webhook_id = await watch_variants(publisher, event_names=events, is_enabled=False)
    # So that all of it is recorded.
    await watch_variants(publisher, is_enabled=False)

    created, changed = [await create_variant(publisher.conn) for _ in range(2)]
    await publisher.conn.execute("update variants set sku = 'new' where id = any($1::bigint[])", [changed.id, known.id])
    await publisher.publish()
    made = await catch_up(publisher, webhook_id)

    told = {one.entity[1]: one.event_name for one in made}
    assert [told.get(variant.id) for variant in (created, changed, known)] == expected


async def test_sellers_are_told_of_their_own_and_of_what_was_theirs(publisher: Publisher) -> None:
    owner, other = await create_seller(publisher.conn), await create_seller(publisher.conn)
    deleted, kept = [await create_invoice(publisher.conn, seller_id=owner.id) for _ in range(2)]
    foreign = await create_invoice(publisher.conn, seller_id=other.id)
    await publisher.publish()
    sellers = await publisher.subscribe("totalCents", seller_id=owner.id, is_enabled=False)
    operators = await publisher.subscribe("totalCents", is_enabled=False)

    await publisher.conn.execute("update invoices set total_cents = 7")
    await publisher.publish()
    await publisher.conn.execute("delete from invoices where id = any($1::bigint[])", [deleted.id, foreign.id])
    await publisher.publish()

    told = {
        webhook_id: {one.entity[1]: one.event_name for one in await catch_up(publisher, webhook_id)}
        for webhook_id in (sellers, operators)
    }
    assert told == {
        sellers: {deleted.id: "destroy", kept.id: "update"},
        operators: {deleted.id: "destroy", kept.id: "update", foreign.id: "destroy"},
    }


async def test_what_no_disabled_webhook_may_see_is_not_recorded(publisher: Publisher) -> None:
    owner, other = await create_seller(publisher.conn), await create_seller(publisher.conn)
    await publisher.subscribe("totalCents", seller_id=owner.id, is_enabled=False)

    mine = await create_invoice(publisher.conn, seller_id=owner.id)
    await create_invoice(publisher.conn, seller_id=other.id)
    await publisher.publish()

    assert await missed(publisher.conn) == [("Invoice", mine.id)]


async def test_an_entity_that_came_to_a_seller_is_created_for_it_and_one_that_left_is_destroyed(
    publisher: Publisher,
) -> None:
    owner, other = await create_seller(publisher.conn), await create_seller(publisher.conn)
    former = await publisher.subscribe("totalCents", seller_id=owner.id)
    latter = await publisher.subscribe("totalCents", seller_id=other.id)
    # Who has it now alone is looked for among the sellers.
    await publisher.subscribe("totalCents seller { id }", is_enabled=False)
    invoice = await create_invoice(publisher.conn, seller_id=owner.id)
    await publisher.publish()
    await publisher.deliver()
    for webhook_id in (former, latter):
        await disable(publisher, webhook_id)

    await publisher.conn.execute("update invoices set seller_id = $1", other.id)
    await publisher.publish()

    assert outcomes(await catch_up(publisher, former)) == [(invoice.id, ("destroy", "PENDING"))]
    assert outcomes(await catch_up(publisher, latter)) == [(invoice.id, ("create", "PENDING"))]


async def test_a_seller_is_not_told_what_changed_in_another_seller_s_invoice_of_the_same_order(
    publisher: Publisher,
) -> None:
    invoice = await create_invoice(publisher.conn, status_flags=["PAID"])
    other = await create_invoice(publisher.conn, order_id=invoice.order_id, status_flags=["PAID"])
    query = "totalCents order { aggregateInvoiceStatus }"
    operators = await publisher.subscribe(query, is_enabled=False)
    sellers = await publisher.subscribe(query, seller_id=invoice.seller_id, is_enabled=False)
    await publisher.publish()

    await publisher.conn.execute("update invoices set status_flags = '{CANCELLED}' where id = $1", other.id)
    await publisher.publish()
    of_flags = await catch_up(publisher, sellers)
    await disable(publisher, sellers)
    await publisher.conn.execute("update invoices set total_cents = 7 where id = $1", invoice.id)
    await publisher.publish()
    (of_total,) = await catch_up(publisher, sellers)
    of_both = {one.entity[1]: one.changed for one in await catch_up(publisher, operators)}

    assert [one for one in of_flags if one.event_name == "update"] == []
    assert [name for name in of_total.changed["updated"] if name.startswith("order")] == []
    assert "order.aggregateInvoiceStatus" in of_both[invoice.id]["updated"]


async def test_webhooks_that_were_disabled_at_different_times_are_told_what_each_missed(publisher: Publisher) -> None:
    early, late = await watch_variants(publisher), await watch_variants(publisher)
    variants = [await create_variant(publisher.conn) for _ in range(2)]
    await publisher.publish()
    await publisher.deliver()

    await disable(publisher, early)
    await publisher.conn.execute("update variants set sku = 'x' where id = $1", variants[0].id)
    await publisher.publish()
    await publisher.deliver()
    await disable(publisher, late)
    await publisher.conn.execute("update variants set sku = 'y' where id = $1", variants[1].id)
    await publisher.publish()

    assert outcomes(await catch_up(publisher, late)) == [(variants[1].id, ("update", "PENDING"))]
    await sweep_all(publisher.resources)
    assert len(await missed(publisher.conn)) == 2
    assert sorted(outcomes(await catch_up(publisher, early))) == [
        (variant.id, ("update", "PENDING")) for variant in variants
    ]
    await sweep_all(publisher.resources)
    assert await missed(publisher.conn) == []


async def test_disabled_again_it_goes_on_later_where_it_was(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher, is_enabled=False)
    variants = [await create_variant(publisher.conn) for _ in range(8)]
    await publisher.publish()
    await enable(publisher, webhook_id)
    while not (first := await publisher.made()):
        assert await catch_up_step(publisher.resources) is not None
    await disable(publisher, webhook_id)

    assert await catch_up_step(publisher.resources) is None
    await publisher.conn.execute("update variants set sku = 'new' || id where id = $1", first[0].entity[1])
    await publisher.publish()
    again = await catch_up(publisher, webhook_id)

    told = {one.entity[1]: one for one in [*first, *again]}
    assert set(told) == {variant.id for variant in variants}
    assert told[first[0].entity[1]].response["data"]["node"]["sku"] == f"new{first[0].entity[1]}"
    assert {one.event_name for one in told.values()} == {"create"}
    # Each once, and the one that was changed meanwhile a second time.
    assert len(again) == len(variants) - len(first) + 1


async def test_more_than_a_step_holds_is_told_once_each(publisher: Publisher) -> None:
    variant = await create_variant(publisher.conn)
    webhook_id = await watch_variants(publisher, is_enabled=False)
    await publisher.conn.execute(
        "insert into variants (advert_id, seller_id, sku, label) select v.advert_id, v.seller_id, 'n' || n, ''"
        " from variants v cross join generate_series(1, 7000) n where v.id = $1",
        variant.id,
    )
    await publisher.publish()
    shards = await publisher.conn.fetch("select count(*) from missed_changes group by shard")
    assert max(row["count"] for row in shards) > BATCH_SIZE

    made = await catch_up(publisher, webhook_id)

    assert len(made) == len({one.entity for one in made}) == 7001
    assert {one.outcome for one in made} == {("create", "PENDING")}


async def test_a_query_that_does_not_fit_any_more_says_so_of_each_entity(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher, is_enabled=False)
    await publisher.conn.execute("update webhooks set query_string = replace(query_string, 'sku', 'gone')")
    await create_variant(publisher.conn)
    await publisher.publish()

    (made,) = await catch_up(publisher, webhook_id)

    assert made.outcome == ("create", "RENDER_FAILED")
    assert made.reason is not None
    assert "gone" in made.reason


async def test_a_deleted_webhook_catches_up_with_nothing(publisher: Publisher) -> None:
    webhook_id = await watch_variants(publisher, is_enabled=False)
    await create_variant(publisher.conn)
    await publisher.publish()

    await delete_webhook(publisher.resources.database, Viewer(None), webhook_id=WebhookId(webhook_id))

    assert not await is_behind(publisher.conn, webhook_id)
    await sweep_all(publisher.resources)
    assert await missed(publisher.conn) == []


async def test_everyone_who_had_it_is_told_that_it_went_on_to_others(publisher: Publisher) -> None:
    first, second, third = [int((await create_seller(publisher.conn)).id) for _ in range(3)]
    variant = await create_variant(publisher.conn, seller_id=first)
    await publisher.publish()
    webhook = await watch_variants(publisher, seller_id=first)
    await disable(publisher, webhook)

    for seller in (second, third):
        await publisher.conn.execute("update variants set seller_id = $1", seller)
    await publisher.publish()

    assert [(one.entity[1], one.event_name) for one in await catch_up(publisher, webhook)] == [(variant.id, "destroy")]


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    "moves", [["mine", "other"], ["mine", "other", "mine", "third"], ["mine", "DELETE"], ["mine", "HIDE"], ["third"]]
)
async def test_who_got_and_lost_it_meanwhile_is_told_nothing(
    publisher: Publisher, moves: Sequence[str], at_once: bool
) -> None:
    assert await told_of_moves(publisher, "other", moves, at_once=at_once) is None


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    "moves", [["other"], ["other", "mine", "third"], ["other", "DELETE"], ["DELETE"], ["other", "mine", "HIDE"]]
)
async def test_who_had_it_is_told_of_its_end_whatever_came_between(
    publisher: Publisher, moves: Sequence[str], at_once: bool
) -> None:
    assert await told_of_moves(publisher, "mine", moves, at_once=at_once) == "destroy"


async def told_of_moves(publisher: Publisher, first: str, moves: Sequence[str], *, at_once: bool) -> str | None:
    """Disable a webhook of "mine" that was given nothing, move a variant, and tell how it hears of that."""
    sellers = {name: int((await create_seller(publisher.conn)).id) for name in ("mine", "other", "third")}
    variant = await create_variant(publisher.conn, seller_id=sellers[first])
    await publisher.publish()
    # Disabled for longer, so that earlier moves are known of the variant, too.
    await publisher.subscribe("sku seller { id }", klass=WebhookKlass.VARIANT, is_enabled=False)
    for seller in ("third", first):
        await publisher.conn.execute("update variants set seller_id = $1", sellers[seller])
        await publisher.publish()
    webhook = await watch_variants(publisher, seller_id=sellers["mine"], is_enabled=False)
    for move in moves:
        if move == "DELETE":
            await publisher.conn.execute("delete from variants")
        elif move == "HIDE":
            await publisher.conn.execute("update variants set deleted_at = now()")
        else:
            await publisher.conn.execute("update variants set seller_id = $1", sellers[move])
        if not at_once:
            await publisher.publish()
    await publisher.publish()
    made = await catch_up(publisher, webhook)
    assert {one.entity[1] for one in made} <= {variant.id}
    assert len(made) <= 1
    return made[0].event_name if made else None


async def test_figures_tell_of_webhooks_that_catch_up(publisher: Publisher) -> None:
    settings = publisher.resources.settings.model_copy(update={"metrics_port": 1})
    resources = replace(publisher.resources, settings=settings)

    async def figures() -> list[float | None]:
        await sweep_all(resources)
        names = ("tellgraph_webhooks_catching_up", "tellgraph_catch_up_entities_total")
        return [REGISTRY.get_sample_value(name) for name in names]

    webhook = await watch_variants(publisher)
    await disable(publisher, webhook)
    for _ in range(2):
        await create_variant(publisher.conn)
    await publisher.publish()
    _, before = await figures()
    await enable(publisher, webhook)

    waiting = await figures()
    await catch_up_all(resources)

    assert before is not None
    assert (waiting, await figures()) == ([1, before], [0, before + 2])
