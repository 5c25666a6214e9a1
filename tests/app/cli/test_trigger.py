"""`tellgraph trigger`: as the operator on the database, and over HTTP with a key."""

import asyncio
import json
from pathlib import Path
from typing import Any

from schema.entities import global_ids
from tests.builders.deliveries import SIGNING_SECRET
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.commands import CommandResult, tellgraph
from tests.support.forked_commands import run_command
from tests.support.listeners import environment
from tests.support.platform import Platform, all_published
from tests.support.receiver import Receiver

QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { legacyId totalCents } } }"


async def over_http(platform: Platform, folder: Path, key: str, *arguments: object) -> CommandResult:
    given = ["trigger", *map(str, arguments), "--remote", platform.url]
    done = await asyncio.to_thread(run_command, given, environment(key, folder))
    return CommandResult(code=done.returncode, out=done.stdout, err=done.stderr)


async def register(platform: Platform, url: str, **given: Any) -> int:
    made = await platform.create_webhook(url, QUERY, hmacKey=SIGNING_SECRET, **given)
    return global_ids.decode(made["webhook"]["id"])[1]


async def test_the_newest_entity_is_sent_as_an_update(platform: Platform, receiver: Receiver, tmp_path: Path) -> None:
    await create_invoice(platform.conn)
    newest = await create_invoice(platform.conn, total_cents=4_200)
    await all_published(platform.conn)
    number = await register(platform, receiver.url())

    done = await over_http(platform, tmp_path, platform.key, "invoice")

    (delivery,) = await receiver.wait_for()
    assert delivery.json["type"] == "invoice.update"
    assert delivery.data == {"node": {"legacyId": newest.id, "totalCents": 4_200}}
    assert done.code == 0, done.err
    assert done.out.startswith(f"webhook {number} ({receiver.url()}): invoice.update of Invoice {newest.id}, event ")
    assert done.out.endswith("is DELIVERED: HTTP 200\n")


async def test_a_named_entity_is_sent_again_however_often(
    platform: Platform, receiver: Receiver, tmp_path: Path
) -> None:
    first, _ = await create_invoice(platform.conn), await create_invoice(platform.conn)
    await all_published(platform.conn)
    number = await register(platform, receiver.url())
    await register(platform, receiver.url("/other"))

    ids = (first.id, f"Invoice-{first.id}", global_ids.encode("Invoice", first.id))
    for one in ids:
        done = await tellgraph(str(platform.settings.database_url), "trigger", "invoice", one, "--webhook", number)
        assert (done.code, done.err) == (0, "")

    sent = await receiver.wait_for(count=3)
    assert [(one.path, one.data["node"]["legacyId"]) for one in sent] == [("/hook", first.id)] * 3


async def test_a_test_is_a_sample_of_the_entity(platform: Platform, receiver: Receiver, tmp_path: Path) -> None:
    first, _ = await create_invoice(platform.conn), await create_invoice(platform.conn)
    await all_published(platform.conn)
    await register(platform, receiver.url(), filter="data.node.legacyId < 0")

    given = ("invoice", first.id, "--event", "test", "--json")
    done = await over_http(platform, tmp_path, platform.key, *given)
    again = await over_http(platform, tmp_path, platform.key, *given)
    strange = await over_http(platform, tmp_path, platform.key, "invoice", 10**9, "--event", "test")

    (delivery,) = await receiver.wait_for()
    told = json.loads(done.out)
    assert (delivery.json["type"], delivery.data["node"]["legacyId"]) == ("invoice.test", first.id)
    assert (done.code, told["event"]["state"], told["reason"]) == (0, "DELIVERED", None)
    assert (again.code, again.out) == (1, "")
    assert "A webhook can be tested once in 10 seconds." in again.err
    assert strange.code == 2
    assert "the webhook's owner sees no such Invoice" in strange.err


async def test_what_is_not_sent_is_told_with_its_reason(platform: Platform, receiver: Receiver, tmp_path: Path) -> None:
    owner, other = await create_seller(platform.conn), await create_seller(platform.conn)
    of_other = await create_invoice(platform.conn, seller_id=other.id)
    of_owner = await create_invoice(platform.conn, seller_id=owner.id)
    await all_published(platform.conn)
    key = await platform.seller_key(owner.id)
    nobody = await over_http(platform, tmp_path, key, "invoice", of_owner.id)
    number = await register(platform, receiver.url(), key=key, filter="data.node.totalCents < 0")
    filtered = await over_http(platform, tmp_path, key, "invoice", of_owner.id)
    unseen = await over_http(platform, tmp_path, key, "invoice", of_other.id)
    by_mistake = await over_http(platform, tmp_path, platform.key, "invoice", of_owner.id)
    shipment = await over_http(platform, tmp_path, platform.key, "shipment", "--webhook", number)
    await platform.conn.execute("update webhooks set is_enabled = false")
    disabled = await over_http(platform, tmp_path, key, "invoice", of_owner.id)

    told = [nobody, filtered, unseen, by_mistake, shipment, disabled]
    assert [one.code for one in told] == [1] * 6, told
    assert "You have no webhook about INVOICE." in nobody.err
    assert f"invoice.update of Invoice {of_owner.id} was not sent (SKIPPED). The filter is false." in filtered.out
    assert "nothing was sent. The webhook's owner sees no such Invoice." in unseen.out
    assert f"You have no webhook about INVOICE. For one of a seller: --webhook, of {number}." in by_mistake.err
    assert f"Webhook {number} is about INVOICE, not about SHIPMENT." in shipment.err
    assert "The webhook is disabled" in disabled.out
    assert receiver.deliveries == []


async def test_without_a_worker_nothing_is_sent_and_nothing_is_left(api: Platform, tmp_path: Path) -> None:
    invoice = await create_invoice(api.conn)
    await register(api, "http://127.0.0.1:9/")

    done = await over_http(api, tmp_path, api.key, "invoice", invoice.id, "--wait", 0)

    assert done.code == 1
    assert "No worker has taken it up within 0 s. Does one run?" in done.out
    assert await api.conn.fetchval("select state from webhook_backfills") == "CANCELLED"


async def test_exit_codes_of_wrong_calls(api: Platform, tmp_path: Path) -> None:
    wrong_key = await over_http(api, tmp_path, "wrong", "invoice")
    no_key = await over_http(api, tmp_path, "", "invoice")
    wrong_type = await over_http(api, tmp_path, api.key, "parcel")
    wrong_id = await over_http(api, tmp_path, api.key, "invoice", "x")
    api.url = "http://127.0.0.1:1"
    nowhere = await over_http(api, tmp_path, api.key, "invoice")

    assert [one.code for one in (wrong_key, no_key, wrong_type, wrong_id, nowhere)] == [2, 2, 2, 2, 3]
    assert "API key" in wrong_key.err
    assert "The API key is missing" in no_key.err
    assert "can't be reached: Connection refused." in nowhere.err
