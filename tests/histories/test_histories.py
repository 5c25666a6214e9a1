"""Histories made at random against the model of what a subscriber may and must be sent.

Real PostgreSQL, API, publishers, deliverers and endpoint; only time is not waited for. TELLGRAPH_LONG_FAULTS=1 runs
the long form.

Above 300 lines: the kept histories are one table, beside the generated ones that they came from.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import settings as settings_of

from app.db.pool import Connection
from tests.builders.adverts import create_advert
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.histories.endpoint import Endpoint
from tests.histories.model import MAX_PAYLOAD_BYTES, Subscription
from tests.histories.steps import SLOTS, Step, histories, subscribers
from tests.histories.workers import running_workers
from tests.histories.world import World
from tests.support.load import IS_LONG
from tests.support.platform import Platform
from tests.support.receiver import Receiver
from workers.resources import open_resources

WORKERS = 2
EXAMPLES = 2000 if IS_LONG else 72


Play = Callable[[list[tuple[Subscription, int]], list[Step]], Awaitable[list[str]]]


@pytest.fixture
async def play(api: Platform, receiver: Receiver) -> AsyncIterator[Play]:
    """Plays a history, and says what is wrong with how it went; all share servers and connections."""
    numbers = count()

    async def played(subscribed: list[tuple[Subscription, int]], steps: list[Step]) -> list[str]:
        await clear(api.conn)
        receiver.deliveries.clear()
        endpoint = Endpoint()
        receiver.answering = endpoint.answer
        sellers = [int((await create_seller(api.conn)).id) for _ in range(2)]
        advert = await create_advert(api.conn, seller_id=sellers[0])
        keys: dict[int | None, str] = {None: api.key}
        keys.update({place: await api.seller_key(seller) for place, seller in enumerate(sellers)})
        async with running_workers(resources) as workers:
            world = World(
                conn=api.conn,
                api=api,
                endpoint=endpoint,
                workers=workers,
                advert_id=advert.id,
                sellers=sellers,
                keys=keys,
            )
            await world.commit([(slot, {"count": 1}) for slot in range(SLOTS)])
            await world.publish()
            for subscription, max_retries in subscribed:
                await world.subscribe(receiver.url(f"/{next(numbers)}"), subscription, maxRetries=max_retries)
            for step in steps:
                await step.run(world)
            return await world.end()

    async with AsyncExitStack() as stack:
        settings = api.settings.model_copy(update={"max_payload_bytes": MAX_PAYLOAD_BYTES})
        resources = [await stack.enter_async_context(open_resources(settings)) for _ in range(WORKERS)]
        yield played


async def clear(conn: Connection) -> None:
    """Of what an earlier history has left that failed."""
    await conn.execute(
        "update change_events set published_at = now() where published_at is null;"
        " update webhooks set is_enabled = false, deleted_at = now() where deleted_at is null;"
        " update webhook_events set state = 'CANCELLED', due_at = null, lease_until = null, finished_at = now()"
        " where state in ('PENDING', 'SENDING', 'RETRYING', 'HELD')"
    )


@given(subscribed=subscribers, steps=histories)
@settings_of(max_examples=EXAMPLES)
async def test_whatever_happens_a_subscriber_is_told_what_it_must_know_and_no_more(
    play: Play, subscribed: list[tuple[Subscription, int]], steps: list[Step]
) -> None:
    assert await play(subscribed, steps) == []


@given(subscribed=subscribers, steps=histories)
@settings_of(max_examples=EXAMPLES // 6)
async def test_the_same_of_subscribers_that_take_their_messages(
    play: Play, subscribed: list[tuple[Subscription, int]], steps: list[Step]
) -> None:
    pulled = [(replace(subscription, is_pulled=True), retries) for subscription, retries in subscribed]

    assert await play(pulled, steps) == []


_COUNT = Subscription(id=0, reads=("countOnHand",))


_OUT = (Step("publish"), Step("deliver"))


def told(count: int) -> list[Step]:
    """The first entity comes to this count, and the endpoint is told at once."""
    return [Step("commit", [(0, {"count": count})]), Step("publish"), Step("deliver")]


@pytest.mark.parametrize(
    ("max_retries", "steps"),
    [
        pytest.param(
            0,
            [
                *told(2),
                Step("answer", "drop"),
                *told(3),
                Step("answer", "ok"),
                Step("commit", [(0, {"count": 2})]),
                Step("publish"),
            ],
            id="what failed may have arrived: an equal one before it doesn't count any more",
        ),
        pytest.param(
            25,
            [
                *told(2),
                Step("answer", "drop"),
                *told(3),
                Step("answer", "ok"),
                Step("cancel", 0),
                Step("commit", [(0, {"count": 2})]),
                Step("publish"),
            ],
            id="what was withdrawn after an attempt may have arrived",
        ),
        pytest.param(
            25,
            [
                *told(2),
                Step("commit", [(0, {"count": 3})]),
                Step("publish"),
                Step("deliverer dies", "posted"),
                Step("leases expire"),
                Step("cancel", 0),
                Step("commit", [(0, {"count": 2})]),
                Step("publish"),
            ],
            id="what a dead worker sent may have arrived",
        ),
        pytest.param(
            0,
            [
                Step("answer", "error"),
                *told(2),
                Step("answer", "ok"),
                Step("commit", [(0, {"count": 3})]),
                Step("commit", [(0, {"count": 2})]),
                Step("publish"),
            ],
            id="what failed is not given, though it is equal",
        ),
        pytest.param(
            25,
            [
                *told(2),
                *told(3),
                Step("replay", 1),
                Step("deliver"),
                Step("commit", [(0, {"count": 2})]),
                Step("publish"),
            ],
            id="a replay of an old state is not the last one given",
        ),
        pytest.param(
            25,
            [
                Step("answer", "hold"),
                *told(2),
                Step("leases expire"),
                Step("deliver"),
                *told(3),
            ],
            id="what is in flight is neither sent again nor overtaken",
        ),
        pytest.param(
            25,
            [
                *told(2),
                Step("commit", [(0, {"life": "deleted"})]),
                Step("commit", [(0, {"count": 3})]),
                Step("commit", [(0, {"life": "alive"})]),
                Step("publish"),
            ],
            id="what was gone, changed and is back counts as changed",
        ),
        pytest.param(
            25,
            [Step("answer", "stall"), *told(2), *told(3), Step("answer", "error")],
            id="what waits behind a failing attempt takes its place",
        ),
        pytest.param(
            25,
            [*told(2), Step("commit", [(0, {"count": 3})]), Step("erase while published", 0), Step("deliver")],
            id="what is gone when it is rendered is left to its destroy",
        ),
        pytest.param(
            25,
            [
                *told(2),
                Step("commit", [(0, {"life": "deleted"})]),
                Step("publish"),
                Step("commit", [(0, {"life": "alive"})]),
            ],
            id="what is back before its end was sent is no second creation",
        ),
        pytest.param(
            25,
            [
                *told(2),
                Step("commit", [(0, {"life": "deleted"})]),
                Step("publish"),
                Step("deliver"),
                Step("commit", [(0, {"life": "erased"})]),
                Step("publish"),
                Step("deliver"),
            ],
            id="an end is told once",
        ),
    ],
)
async def test_history_worth_keeping(play: Play, max_retries: int, steps: list[Step]) -> None:
    assert await play([(_COUNT, max_retries)], steps) == []


async def test_who_asks_for_no_creations_is_told_of_an_end_once(play: Play) -> None:
    """It came back in between, which this webhook was not told of."""
    gone, back = [Step("commit", [(0, {"life": life})]) for life in ("deleted", "alive")]
    told = [Step("publish"), Step("deliver")]

    subscription = replace(_COUNT, events=frozenset({"update", "destroy"}))
    assert await play([(subscription, 25)], [gone, *told, back, *told, gone, *told]) == []


async def test_who_has_heard_of_an_end_hears_of_no_second_one_when_the_row_goes(play: Play) -> None:
    steps = [
        *(step for life in ("deleted", "alive") for step in (Step("commit", [(1, {"life": life})]), *_OUT)),
        Step("erase while published", 1),
    ]

    assert await play([(replace(_COUNT, events=frozenset({"update", "destroy"})), 25)], steps) == []


async def test_what_failed_and_gave_way_to_what_was_withdrawn_is_told_again(play: Play) -> None:
    others = Subscription(id=0, reads=("label",), is_pulled=True)
    back = [Step("commit", [(0, one)]) for one in ({"life": "deleted"}, {"count": 2}, {"life": "alive"})]
    steps = [Step("answer", "stall"), *told(2), *told(1), Step("answer", "error"), Step("set aside"), Step("cancel", 0)]

    assert await play([(others, 25), (replace(_COUNT, is_pulled=True), 25)], [*steps, *back]) == []


async def test_who_was_disabled_while_it_ended_is_not_told_of_a_second_creation(play: Play, receiver: Receiver) -> None:
    """Of a webhook that skips nothing: it has the entity, and no destroy was sent to it."""
    gone, back = [Step("commit", [(0, {"life": life})]) for life in ("deleted", "alive")]
    steps = [*told(2), Step("disable", 0), gone, *_OUT, back]

    assert await play([(replace(_COUNT, allow_skip=False), 25)], steps) == []
    assert [one.json["event_name"] for one in receiver.deliveries] == ["update", "update"]


async def test_who_asks_for_every_change_and_no_creations_is_told_of_ends_that_wait_together(
    play: Play, receiver: Receiver
) -> None:
    subscription = replace(_COUNT, events=frozenset({"update", "destroy"}), every_change=True)
    lives = [Step("commit", [(0, {"life": life})]) for life in ("deleted", "alive", "deleted")]

    assert await play([(subscription, 25)], lives) == []
    assert [one.json["event_name"] for one in receiver.deliveries] == ["destroy", "destroy"]


async def test_who_hears_of_no_return_is_told_of_one_end_of_what_is_erased_after_several(
    play: Play, receiver: Receiver
) -> None:
    """It is gone when the first publisher renders it, and the next one finds the last end."""
    subscription = replace(_COUNT, events=frozenset({"update", "destroy"}), every_change=True)
    lives = [Step("commit", [(0, {"life": life})]) for life in ("deleted", "alive", "deleted", "alive")]

    assert await play([(subscription, 25)], [*lives, Step("erase while published", 0)]) == []
    assert [one.json["event_name"] for one in receiver.deliveries] == ["destroy"]


async def test_the_end_of_what_is_too_large_is_too_large(play: Play) -> None:
    """It shows the variant as it was last. An operator sees that it could not be sent."""
    large, gone = [Step("commit", [(0, {name: to})]) for name, to in (("label", "too large"), ("life", "deleted"))]

    assert await play([(replace(_COUNT, reads=("label",)), 25)], [large, *_OUT, gone, *_OUT]) == []


async def test_what_is_set_aside_behind_a_retry_is_sent_in_its_order(play: Play) -> None:
    """Of a webhook that is told of every change: it gets them one after the other."""
    steps = [Step("answer", "error"), *told(2), *told(3), *told(4), Step("set aside"), Step("replay", 0)]

    assert await play([(replace(_COUNT, every_change=True), 25)], [*steps, Step("answer", "ok"), *told(5)]) == []


@pytest.mark.parametrize(
    ("max_retries", "steps"),
    [
        pytest.param(
            25, [Step("answer", mood), *told(2), *told(3), Step("answer", "ok"), *told(4)], id=f"{mood}, then ok"
        )
        for mood in ("error", "drop", "hold", "stall")
    ]
    + [
        pytest.param(
            retries,
            [Step("answer", "hold"), *told(2), Step("leases expire"), *told(3), Step("answer", "ok"), *told(4)],
            id=f"a late acknowledgement, {retries} retries",
        )
        for retries in (0, 25)
    ]
    + [
        pytest.param(
            25,
            [Step("answer", "hold"), *told(2), Step("disable", 0), Step("answer", "ok"), *told(3), Step("enable", 0)],
            id="disabled meanwhile",
        )
    ],
)
async def test_history_of_a_pulled_webhook(play: Play, max_retries: int, steps: list[Step]) -> None:
    assert await play([(replace(_COUNT, is_pulled=True), max_retries)], steps) == []


@pytest.mark.parametrize("owner", [None, 0, 1])
async def test_variant_that_goes_to_another_seller_and_back(play: Play, owner: int | None) -> None:
    moves = [step for seller in (1, 0) for step in (Step("commit", [(0, {"seller": seller})]), *_OUT)]
    steps = [*told(2), *moves, Step("commit", [(0, {"seller": 1, "count": 3})]), *_OUT]

    assert await play([(replace(_COUNT, owner=owner), 25)], steps) == []


@pytest.mark.parametrize("owner", [None, 0])
async def test_what_is_created_and_deleted_before_it_is_rendered_is_not_told(play: Play, owner: int | None) -> None:
    """Nobody can tell any more whose it was, until the destroy does: a seller must not be told of the end alone."""
    steps = [
        Step("commit", [(0, {"life": "erased"})]),
        Step("publish"),
        Step("commit", [(0, {"count": 2})]),
        Step("erase while published", 0),
        Step("deliver"),
    ]

    assert await play([(replace(_COUNT, owner=owner), 25)], steps) == []


async def test_deleted_and_moved_before_a_publisher_looks_is_destroyed_for_the_former_seller(
    api: Platform, receiver: Receiver
) -> None:
    former, latter = await create_seller(api.conn), await create_seller(api.conn)
    variant = await create_variant(api.conn, seller_id=former.id)
    key = await api.seller_key(former.id)
    await api.create_webhook(receiver.url(), _COUNT.query, key, type="VARIANT")
    async with open_resources(api.settings) as resources, running_workers([resources]) as workers:
        await workers.publish()
        await workers.deliver(to_the_end=True)
        await api.conn.execute("update variants set deleted_at = now() where id = $1", variant.id)
        await api.conn.execute("update variants set seller_id = $1 where id = $2", latter.id, variant.id)
        await workers.publish()
        await workers.deliver(to_the_end=True)

    assert [one.json["event_name"] for one in receiver.deliveries] == ["create", "destroy"]
