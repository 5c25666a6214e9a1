"""Reference data belongs to no seller: each seller's webhook is told of it, of its end as well."""

import pytest

from app.auth.viewers import Viewer
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.services.webhooks import update_webhook
from schema.entities.global_ids import encode
from tests.builders.catalogue import create_option_type, create_option_value, create_taxon
from tests.builders.owned import create_external_id
from tests.builders.sellers import create_seller
from tests.support.outbox import Publisher
from workers.publish.job import publish_steps
from workers.upkeep.catch_up import catch_up_all

TAXON = WebhookKlass.TAXON
#: The one webhook, for so many new sellers.
COPY_WEBHOOKS = """
with made as (
  insert into sellers (business_name, email_address) select 'S', 's' from generate_series(1, $1) returning id
)
insert into webhooks (seller_id, type, url, events, query_string, secrets)
select made.id, w.type, w.url, w.events, w.query_string, w.secrets from webhooks w cross join made
"""


async def test_a_renamed_taxon_and_those_below_it_are_told_to_operator_and_sellers(publisher: Publisher) -> None:
    root = await create_taxon(publisher.conn)
    below = await create_taxon(publisher.conn, display_name="Kettles", parent_id=root.id)
    beside = await create_taxon(publisher.conn, display_name="Garden")
    await publisher.publish()
    seller = await create_seller(publisher.conn)
    of_all = await publisher.subscribe("treeName", klass=TAXON)
    of_seller = await publisher.subscribe("treeName", klass=TAXON, seller_id=seller.id)

    await publisher.conn.execute("update taxons set display_name = 'Home' where id = $1", root.id)
    await publisher.conn.execute("update taxons set title = 'Gardens' where id = $1", beside.id)
    made = await publisher.publish()

    told = {(one.webhook_id, one.entity[1], one.outcome, one.response["data"]["node"]["treeName"]) for one in made}
    assert told == {
        (webhook_id, taxon_id, ("update", "PENDING"), name)
        for webhook_id in (of_all, of_seller)
        for taxon_id, name in ((root.id, "Home"), (below.id, "Home > Kettles"))
    }
    assert [one.changed["updated"] for one in made if one.entity[1] == below.id] == [["treeName"], ["treeName"]]


@pytest.mark.parametrize("owner", ["Taxon", "OptionType", "OptionValue"])
async def test_its_ids_in_other_systems_are_told_to_operator_and_sellers(publisher: Publisher, owner: str) -> None:
    value = await create_option_value(publisher.conn)
    ids = {
        "Taxon": (await create_taxon(publisher.conn)).id,
        "OptionValue": value.id,
        "OptionType": value.option_type_id,
    }
    klass = next(klass for klass in WebhookKlass if klass.entity_type == owner)
    seller = await create_seller(publisher.conn)
    await publisher.publish()
    webhooks = {
        await publisher.subscribe("externalIds { value }", klass=klass),
        await publisher.subscribe("externalIds { value }", klass=klass, seller_id=seller.id),
    }

    await create_external_id(publisher.conn, owner, ids[owner])
    added = await publisher.publish()
    await publisher.conn.execute("update external_ids set value = 'E-2'")
    updated = (await publisher.publish())[len(added) :]

    assert {(one.webhook_id, one.entity) for one in added} == {(webhook, (owner, ids[owner])) for webhook in webhooks}
    assert [path.partition("[")[0] for one in added for path in one.changed["added"]] == ["externalIds"] * 2
    assert [one.response["data"]["node"]["externalIds"] for one in updated] == [[{"value": "E-2"}]] * 2


async def test_an_id_of_an_option_value_is_told_to_webhooks_of_its_type(publisher: Publisher) -> None:
    value = await create_option_value(publisher.conn)
    await publisher.publish()
    await publisher.subscribe(
        "optionValues { nodes { externalIds { value } } }", klass=WebhookKlass.OPTION_TYPE, every_change=True
    )

    await create_external_id(publisher.conn, "OptionValue", value.id)
    (made,) = await publisher.publish()

    assert made.entity == ("OptionType", value.option_type_id)
    assert made.response["data"]["node"] == {"optionValues": {"nodes": [{"externalIds": [{"value": "E-1"}]}]}}


async def test_the_end_of_a_taxon_is_told_to_sellers(publisher: Publisher) -> None:
    seller = await create_seller(publisher.conn)
    webhook_id = await publisher.subscribe("displayName", klass=TAXON, seller_id=seller.id)
    taxon, unknown = await create_taxon(publisher.conn), await create_taxon(publisher.conn)
    await publisher.publish()
    await publisher.deliver()

    await publisher.conn.execute("delete from taxons where id = $1", taxon.id)
    *_, destroyed = await publisher.publish()

    assert (destroyed.entity, destroyed.outcome) == (("Taxon", taxon.id), ("destroy", "PENDING"))
    assert destroyed.response == {"data": {"node": None}}
    assert destroyed.webhook_id == webhook_id
    assert unknown.id != taxon.id


async def test_a_seller_hears_of_the_end_of_a_taxon_that_it_missed(publisher: Publisher) -> None:
    resources = publisher.resources
    seller = await create_seller(publisher.conn)
    taxon = await create_taxon(publisher.conn)
    await publisher.publish()
    webhook_id = WebhookId(await publisher.subscribe("title", klass=TAXON, seller_id=seller.id, is_enabled=False))

    await publisher.conn.execute("delete from taxons where id = $1", taxon.id)
    assert await publisher.publish() == []
    await update_webhook(
        resources.database, Viewer(None), resources.settings, webhook_id=webhook_id, attributes={"is_enabled": True}
    )
    await catch_up_all(resources)

    (destroyed,) = await publisher.made()
    assert (destroyed.entity, destroyed.outcome) == (("Taxon", taxon.id), ("destroy", "PENDING"))


async def test_a_value_is_a_part_of_its_option_type(publisher: Publisher) -> None:
    option_type = await create_option_type(publisher.conn)
    kept = await create_option_value(publisher.conn, option_type_id=option_type.id)
    await create_option_value(publisher.conn)
    await publisher.publish()
    of_types = await publisher.subscribe("optionValues { nodes { displayName } }", klass=WebhookKlass.OPTION_TYPE)
    of_values = await publisher.subscribe("displayName", klass=WebhookKlass.OPTION_VALUE)

    await publisher.conn.execute("update option_values set display_name = 'Medium' where id = $1", kept.id)
    await publisher.conn.execute("update option_types set position = 7")
    made = {one.webhook_id: one for one in await publisher.publish()}

    assert {webhook_id: one.entity for webhook_id, one in made.items()} == {
        of_types: ("OptionType", option_type.id),
        of_values: ("OptionValue", kept.id),
    }
    assert made[of_types].response == {"data": {"node": {"optionValues": {"nodes": [{"displayName": "Medium"}]}}}}
    path = f"optionValues[{encode('OptionValue', kept.id)}].displayName"
    assert made[of_types].changed["updated"] == [path, "position"]
    assert made[of_values].changed["updated"] == ["displayName"]


async def test_a_change_that_thousands_of_sellers_do_not_watch_takes_several_steps(publisher: Publisher) -> None:
    await publisher.conn.execute(
        "insert into taxons (display_name, title, url_slug) select 'T', 'T', 't' from generate_series(1, 20)"
    )
    await publisher.publish()
    await publisher.subscribe("displayName", klass=TAXON, seller_id=(await create_seller(publisher.conn)).id)
    await publisher.conn.execute(COPY_WEBHOOKS, 2_000)

    await publisher.publish()
    await publisher.conn.execute("update taxons set title = 'U'")
    steps = [step.published async for step in publish_steps(publisher.resources)]

    # A step looks through 20,000 owners, and ends with the entity that it has come to.
    assert steps == [10, 10]
    assert await publisher.made() == []


async def test_a_taxon_shows_those_below_it_down_to_the_last_level_of_a_query(publisher: Publisher) -> None:
    line = [await create_taxon(publisher.conn)]
    for _ in range(7):
        line.append(await create_taxon(publisher.conn, parent_id=line[-1].id))
    await publisher.publish()
    shown = "title"
    for _ in range(6):
        shown = f"children {{ nodes {{ {shown} }} }}"
    await publisher.subscribe(f"id {shown}", klass=TAXON)

    await publisher.conn.execute("update taxons set title = 'Last' where id = $1", line[-1].id)
    told = [(one.entity[1], one.state, one.changed["updated"]) for one in await publisher.publish()]

    path = "".join(f"children[{encode('Taxon', taxon.id)}]." for taxon in line[2:])
    assert (line[1].id, "PENDING", [f"{path}title"]) in told
    assert line[0].id not in {entity_id for entity_id, _, _ in told}
