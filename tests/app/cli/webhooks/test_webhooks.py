"""`tellgraph webhooks …`, `tellgraph resume` and `tellgraph id`, on a database with webhooks of several healths."""

from dataclasses import dataclass

import asyncpg
import pytest

from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db import webhooks
from app.webhooks.db.webhook_outages import disable_webhook
from app.webhooks.db.webhooks import WebhookId
from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.sellers import create_seller
from tests.support.commands import tellgraph
from tests.support.platform import SECRET_KEY

#: What an endpoint's owner might write, so that a terminal obeys it.
ESCAPE = "\x1b[2Jfor the ERP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    seller: SellerId
    well: WebhookId
    failing: WebhookId
    stopped: WebhookId


@pytest.fixture
async def scene(conn: asyncpg.Connection) -> Scene:
    seller = await create_seller(conn, business_name="Kettles")
    well = await create_subscription(conn, "https://well.example/", seller_id=seller.id, type="VARIANT")
    failing = await create_subscription(conn, "https://down.example/hook", description=ESCAPE)
    stopped = await create_subscription(conn, "https://gone.example/")
    await conn.execute("update webhooks set is_failing = true, failing_since = now() where id = $1", failing.id)
    await disable_webhook(conn, stopped.id, "The endpoint answered 410 Gone.")
    return Scene(seller=seller.id, well=well.id, failing=failing.id, stopped=stopped.id)


async def test_lists_which_endpoints_are_down(database_url: str, scene: Scene) -> None:
    every = await tellgraph(database_url, "webhooks", "list")
    down = await tellgraph(database_url, "webhooks", "list", "--needs-a-person")

    headings, *rows = every.rows
    assert headings == ["NUMBER", "ID", "HEALTH", "SINCE", "TYPE", "OWNER", "URL", "REASON"]
    assert [row[:3] for row in rows] == [
        [str(number), global_ids.encode("Webhook", number), health]
        for number, health in (
            (scene.well, "OK"),
            (scene.failing, "FAILING"),
            (scene.stopped, "DISABLED_BY_TELLGRAPH"),
        )
    ]
    assert rows[0][3:] == ["VARIANT", f"seller {scene.seller} (Kettles)", "https://well.example/"]
    assert rows[2][4:] == ["INVOICE", "operator", "https://gone.example/", "The endpoint answered 410 Gone."]
    assert [row[0] for row in down.rows[1:]] == [str(scene.failing), str(scene.stopped)]
    assert (every.code, every.err, down.code, down.err) == (0, "", 0, "")


async def test_options_narrow_the_list_and_json_has_the_names_of_the_api(database_url: str, scene: Scene) -> None:
    for arguments, number in (
        (("--failing", "--url", "DOWN"), scene.failing),
        (("--health", "ok", "--type", "variant", "--seller", scene.seller), scene.well),
        (("--disabled", "--seller", "operator", "--host", "gone.example", "--search", "gone"), scene.stopped),
    ):
        done = await tellgraph(database_url, "webhooks", "list", "--json", *arguments)
        assert [one["legacyId"] for one in done.objects] == [number], arguments

    (last,) = done.objects
    assert {name: last[name] for name in ("id", "health", "healthReason", "url", "seller")} == {
        "id": global_ids.encode("Webhook", scene.stopped),
        "health": "DISABLED_BY_TELLGRAPH",
        "healthReason": "The endpoint answered 410 Gone.",
        "url": "https://gone.example/",
        "seller": None,
    }


async def test_a_list_that_is_cut_says_so_and_an_empty_one_too(database_url: str, scene: Scene) -> None:
    cut = await tellgraph(database_url, "webhooks", "list", "--limit", 2)
    empty = await tellgraph(database_url, "webhooks", "list", "--host", "nowhere.example", "--json")

    assert (len(cut.rows), cut.err) == (3, "There are more than 2: --limit shows more of them.\n")
    assert (empty.code, empty.out, empty.err) == (0, "", "There is no such webhook.\n")


async def test_shows_one_webhook_with_its_counts_and_the_cure(
    conn: asyncpg.Connection, database_url: str, scene: Scene
) -> None:
    webhook = await webhooks.find_webhook(conn, scene.failing)
    assert webhook is not None
    (failed, *_) = await create_due_events(conn, webhook, 3, state="FAILED")
    await create_due_events(conn, webhook, 2, first_entity=9, state="RETRYING")
    await conn.execute(
        "insert into delivery_attempts (webhook_id, webhook_event_id, number, finished_at, status, duration_ms)"
        " values ($1, $2, 1, now(), 503, 12)",
        scene.failing,
        failed,
    )

    by_number = await tellgraph(database_url, "webhooks", "show", scene.failing)
    by_id = await tellgraph(database_url, "webhooks", "show", global_ids.encode("Webhook", scene.failing), "--json")
    none = await tellgraph(database_url, "webhooks", "show", 4711)

    facts = {row[0]: row[1:] for row in by_number.rows if row}
    assert facts["url"] == ["https://down.example/hook"]
    assert facts["events"] == ["2 RETRYING, 3 FAILED"]
    assert facts["description"] == ["\N{REPLACEMENT CHARACTER}[2Jfor the ERP"]
    assert facts["health"][0].startswith("FAILING since ")
    assert ["HTTP 503", "12"] in [row[-2:] for row in by_number.rows if row]
    assert by_number.out.endswith(f"tellgraph resume {scene.failing}\n")
    assert by_id.objects[0]["counts"]["RETRYING"] == 2
    assert (none.code, none.out, none.err) == (1, "", "tellgraph: There is no webhook 4711.\n")


async def test_disables_enables_and_resumes_as_the_api_does(
    conn: asyncpg.Connection, database_url: str, scene: Scene
) -> None:
    webhook = await webhooks.find_webhook(conn, scene.failing)
    assert webhook is not None
    await create_due_events(conn, webhook, 2, state="RETRYING")
    await conn.execute("update webhook_events set due_at = now() + interval '8 h', attempted_at = now()")
    key = SECRET_KEY

    resumed = await tellgraph(database_url, "resume", scene.failing)
    due = await conn.fetchval("select count(*) from webhook_events where due_at <= now()")
    disabled = await tellgraph(database_url, "webhooks", "disable", scene.failing, secret_key=key)
    refused = await tellgraph(database_url, "resume", scene.failing)
    enabled = await tellgraph(database_url, "webhooks", "enable", scene.failing, scene.stopped, secret_key=key)

    assert resumed.out == f"Webhook {scene.failing}: what waits for a retry is sent now.\n"
    assert due == 2
    assert disabled.out == f"Webhook {scene.failing} is DISABLED.\n"
    assert await conn.fetchval("select reason from operational_events where kind = 'DISABLED' order by id desc") == (
        "Disabled by the operator."
    )
    assert (refused.code, refused.out) == (1, "")
    assert "enable it" in refused.err
    assert enabled.out.splitlines() == [
        f"Webhook {number} is {health}."
        for number, health in ((scene.failing, "CATCHING_UP"), (scene.stopped, "CATCHING_UP"))
    ]
    entries = await conn.fetch(
        "select actor, action, entity_id from audit_entries"
        " where action like 'webhook%' and actor <> 'database' order by id"
    )
    assert [tuple(entry) for entry in entries] == [
        ("command line", "webhookResume", scene.failing),
        ("command line", "webhookUpdate", scene.failing),
        ("command line", "webhookUpdate", scene.failing),
        ("command line", "webhookUpdate", scene.stopped),
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("webhooks", "show", "Invoice-3"), "is the id of an Invoice, not of a Webhook"),
        (("webhooks", "show", "three"), "V2ViaG9vay0z"),
        (("events", "list", "--entity", "12"), "Invoice-12"),
        (("events", "list", "--since", "soon"), "12h"),
        (("replay",), "give either events or --webhook"),
        (("replay", "9", "--state", "FAILED"), "give --webhook with them"),
        (("id", "9"), "--type Webhook"),
        (("id", "9", "--type", "Nothing"), "WebhookEvent"),
    ],
)
async def test_a_wrong_call_is_answered_with_a_right_one(
    database_url: str, arguments: tuple[str, ...], told: str
) -> None:
    done = await tellgraph(database_url, *arguments, given="")

    assert (done.code, done.out) == (2, "")
    assert told in " ".join(done.err.replace("│", " ").split())


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (("9", "--type", "WebhookEvent"), "V2ViaG9va0V2ZW50LTk="),
        (("WebhookEvent-9",), "V2ViaG9va0V2ZW50LTk="),
        (("V2ViaG9va0V2ZW50LTk=",), "WebhookEvent-9"),
    ],
)
async def test_ids_are_converted(database_url: str, arguments: tuple[str, ...], out: str) -> None:
    done = await tellgraph(database_url, "id", *arguments)

    assert (done.code, done.out, done.err) == (0, f"{out}\n", "")


async def test_a_database_that_is_away_or_empty_is_told_in_one_line(
    conn: asyncpg.Connection, database_url: str
) -> None:
    await conn.execute("drop table alembic_version")

    empty = await tellgraph(database_url, "webhooks", "list")

    assert (empty.code, empty.out) == (1, "")
    assert empty.err == "tellgraph: The database has not been migrated: run `tellgraph migrate` first.\n"
