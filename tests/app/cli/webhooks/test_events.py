"""`tellgraph events …` and `tellgraph replay`: what became of events, why, and how they are sent again."""

import asyncio
from dataclasses import dataclass

import asyncpg
import pytest

from app.webhooks.db.webhooks import Webhook
from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.commands import tellgraph
from tests.support.platform import settings_for
from tests.support.waiting import until
from workers.resources import open_resources
from workers.upkeep.replay import replay_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    webhook: Webhook
    failed: int
    retrying: int
    delivered: list[int]


@pytest.fixture
async def scene(conn: asyncpg.Connection) -> Scene:
    webhook = await create_subscription(conn, "https://down.example/hook")
    (failed,) = await create_due_events(conn, webhook, 1, state="FAILED")
    await conn.execute(
        "update webhook_events set reason = 'No retries are left.', attempt_count = 2, last_status = 503"
    )
    await conn.execute(
        "insert into delivery_attempts (webhook_id, webhook_event_id, number, finished_at, status, error_kind, error,"
        " response_body, duration_ms) values ($1, $2, 1, now(), 503, null, null, $3, 12),"
        " ($1, $2, 2, now(), null, 'TIMEOUT', 'No status came within 15 s.', null, 15000)",
        webhook.id,
        failed,
        b"down\x1b[31m" * 20,
    )
    delivered = await create_due_events(conn, webhook, 3, first_entity=20, state="DELIVERED")
    (retrying,) = await create_due_events(conn, webhook, 1, first_entity=40, state="RETRYING")
    return Scene(webhook=webhook, failed=failed, retrying=retrying, delivered=delivered)


async def test_lists_events_by_state_webhook_entity_and_time(
    conn: asyncpg.Connection, database_url: str, scene: Scene
) -> None:
    other = await create_subscription(conn, "https://other.example/")
    (elsewhere,) = await create_due_events(conn, other, 1, first_entity=60, state="FAILED")
    await conn.execute("update webhook_events set created_at = now() - interval '3 h' where id = $1", elsewhere)

    for arguments, numbers in (
        (("--state", "failed", "--state", "retrying"), [elsewhere, scene.retrying, scene.failed]),
        (("--webhook", global_ids.encode("Webhook", other.id), "--until", "2h"), [elsewhere]),
        (("--entity", "Invoice-21"), [scene.delivered[1]]),
        (("--state", "FAILED", "--since", "2h"), [scene.failed]),
    ):
        done = await tellgraph(database_url, "events", "list", "--json", *arguments)
        assert [one["number"] for one in done.objects] == numbers, arguments

    table = await tellgraph(database_url, "events", "list", "--state", "FAILED", "--webhook", scene.webhook.id)
    headings, row = table.rows
    assert headings[:6] == ["NUMBER", "ID", "WEBHOOK", "EVENT", "ENTITY", "STATE"]
    assert row[:6] == [
        str(scene.failed),
        global_ids.encode("WebhookEvent", scene.failed),
        str(scene.webhook.id),
        "update",
        "Invoice-1",
        "FAILED",
    ]
    assert row[7:] == ["2", "503", "No retries are left."]


async def test_shows_an_event_with_its_reason_its_attempts_and_the_cure(database_url: str, scene: Scene) -> None:
    shown = await tellgraph(database_url, "events", "show", scene.failed)
    as_json = await tellgraph(database_url, "events", "show", global_ids.encode("WebhookEvent", scene.failed), "--json")
    payload = await tellgraph(database_url, "events", "show", scene.failed, "--payload")
    none = await tellgraph(database_url, "events", "show", 4711)

    facts = {row[0]: row[1:] for row in shown.rows if row}
    assert facts["state"] == ["FAILED: No retries are left, or the endpoint is gone. It can be replayed."]
    assert facts["reason"] == ["No retries are left."]
    assert facts["1"][1:3] == ["12", "HTTP 503"]
    assert facts["2"][1:] == ["15000", "TIMEOUT: No status came within 15 s."]
    assert "\x1b" not in shown.out
    assert shown.out.endswith(f"To send it again: tellgraph replay {scene.failed}\n")
    assert [attempt["status"] for attempt in as_json.objects[0]["attempts"]] == [503, None]
    assert payload.out == '{"data":{"node":{"__typename":"Invoice"}}}\n'
    assert (none.code, none.out) == (1, "")
    assert none.err == "tellgraph: There is no webhook event 4711, or it is not kept any more.\n"


async def test_replays_single_events_and_tells_which_were_refused(
    conn: asyncpg.Connection, database_url: str, scene: Scene
) -> None:
    (held,) = await create_due_events(conn, scene.webhook, 1, first_entity=80, state="HELD")

    done = await tellgraph(database_url, "replay", scene.failed, global_ids.encode("WebhookEvent", held), 4711)

    assert done.out == f"Event {scene.failed} is PENDING.\n"
    assert done.err.splitlines() == [
        f"Event {held}: This event is HELD. It goes out when its webhook is enabled (`webhookUpdate` with"
        " `enabled: true`).",
        "Event 4711: There is no such webhook event.",
        "tellgraph: 2 of 3 events could not be sent again.",
    ]
    assert done.code == 1
    assert await conn.fetchval("select state from webhook_events where id = $1", scene.failed) == "PENDING"


async def test_replays_all_of_a_webhook_after_a_question(
    conn: asyncpg.Connection, database_url: str, scene: Scene
) -> None:
    await create_due_events(conn, scene.webhook, 20, first_entity=100, state="FAILED")
    many = ("replay", "--webhook", scene.webhook.id)

    refused = await tellgraph(database_url, *many, given="n\n")
    runs = await conn.fetchval("select count(*) from webhook_replays")
    replaying = asyncio.create_task(tellgraph(database_url, *many, "--since", "1d", given="y\n"))
    async with open_resources(settings_for(database_url)) as resources:
        replayed = await until(lambda: replay_all(resources))
    done = await replaying

    assert (refused.code, refused.out.strip(), runs) == (1, "", 0)
    assert "Send 21 events that are FAILED, to https://down.example/hook again? [y/N]" in refused.err
    assert f"1 more wait for a retry: `tellgraph resume {scene.webhook.id}` sends those now." in refused.err
    assert (replayed, done.code) == (21, 0), done.err
    assert done.out.strip() == "21 events were taken up again; the replay is DONE."
    states = await conn.fetch("select state, count(*) from webhook_events group by 1 order by 1")
    assert [tuple(row) for row in states] == [("DELIVERED", 3), ("PENDING", 21), ("RETRYING", 1)]


async def test_a_replay_need_not_be_waited_for_and_one_of_nothing_is_none(
    conn: asyncpg.Connection, database_url: str, scene: Scene
) -> None:
    of_webhook = ("replay", "--webhook", scene.webhook.id, "--no-wait")

    nothing = await tellgraph(database_url, *of_webhook, "--state", "CANCELLED")
    begun = await tellgraph(database_url, *of_webhook, "--state", "DELIVERED")
    again = await tellgraph(database_url, *of_webhook)
    await conn.execute("update webhooks set is_enabled = false")
    wrong = await tellgraph(database_url, *of_webhook, "--state", "HELD", "--state", "FAILED")

    assert nothing.out == f"Webhook {scene.webhook.id} has no event that is CANCELLED and of that time.\n"
    run = await conn.fetchrow("select id, states from webhook_replays")
    assert run is not None
    assert begun.out == f"Workers send 3 events again: {global_ids.encode('WebhookReplay', run['id'])}\n"
    assert list(run["states"]) == ["DELIVERED"]
    assert (again.code, wrong.code) == (1, 1)
    assert "end it with `webhookReplayCancel`" in " ".join(again.err.split())
    assert f"they are held until `tellgraph webhooks enable {scene.webhook.id}`." in wrong.err
    assert "HELD can't be replayed. It goes out when its webhook is enabled" in " ".join(wrong.err.split())
