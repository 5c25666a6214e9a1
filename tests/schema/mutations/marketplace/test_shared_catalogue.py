"""Mutations of what all sellers share: taxa, option types and their values."""

import asyncio
from typing import Any

import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.catalogue import (
    create_advert_option_value,
    create_option_type,
    create_option_value,
    create_taxon,
    create_variant_option_value,
)
from tests.builders.owned import create_external_id
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate
from tests.support.held import held
from tests.support.operation import read_node


async def test_a_taxon_is_made_renamed_and_moved(conn: Connection, mutate: Mutate) -> None:
    root = encode("Taxon", (await create_taxon(conn, display_name="Home")).id)
    selection = "taxon { id displayName title treeName parent { displayName } }"

    created = await mutate(
        "taxonCreateOrUpdate", selection, {"parentId": root, "displayName": "Kitchen", "urlSlug": "kitchen"}
    )
    made = created["data"]["taxonCreateOrUpdate"]["taxon"]
    moved = await mutate(
        "taxonCreateOrUpdate", selection, {"id": made["id"], "parentId": None, "displayName": "Cooking"}
    )
    await mutate("taxonCreateOrUpdate", selection, {"id": root, "parentId": made["id"]})
    cycle = await mutate("taxonCreateOrUpdate", selection, {"id": made["id"], "parentId": root})

    assert {**made, "id": None} == {
        "id": None,
        "displayName": "Kitchen",
        "title": "Kitchen",
        "treeName": "Home > Kitchen",
        "parent": {"displayName": "Home"},
    }
    assert moved["data"]["taxonCreateOrUpdate"]["taxon"] == {
        **made,
        "displayName": "Cooking",
        "treeName": "Cooking",
        "parent": None,
    }
    assert cycle["data"]["taxonCreateOrUpdate"]["errors"] == [
        {"field": "parentId", "messages": ["lies below the taxon itself"]}
    ]


async def test_option_types_and_their_values(conn: Connection, mutate: Mutate) -> None:
    created = await mutate(
        "optionTypeCreateOrUpdate", "optionType { id name displayName }", {"name": "size", "fieldType": "SINGLE_SELECT"}
    )
    kind = created["data"]["optionTypeCreateOrUpdate"]["optionType"]
    given = {"optionTypeId": kind["id"], "name": "m", "displayName": "M"}
    value = await mutate("optionValueCreateOrUpdate", "optionValue { id name displayName }", given)
    taken = await mutate("optionValueCreateOrUpdate", "optionValue { id }", given)
    made = value["data"]["optionValueCreateOrUpdate"]["optionValue"]
    renamed = await mutate(
        "optionValueCreateOrUpdate",
        "optionValue { id name displayName }",
        {"id": made["id"], "displayName": "Medium"},
    )
    other = encode("OptionType", (await create_option_type(conn)).id)
    moved = await mutate("optionValueCreateOrUpdate", "", {"id": made["id"], "optionTypeId": other})

    assert (kind["name"], kind["displayName"]) == ("size", "size")
    assert (made["name"], made["displayName"]) == ("m", "M")
    assert taken["data"]["optionValueCreateOrUpdate"]["errors"] == [{"field": "name", "messages": ["is taken"]}]
    assert renamed["data"]["optionValueCreateOrUpdate"]["optionValue"] == {**made, "displayName": "Medium"}
    assert moved["data"]["optionValueCreateOrUpdate"]["errors"] == [
        {"field": "optionTypeId", "messages": ["can't be changed"]}
    ]


#: Type → (the mutation that makes one, its field, what it is made of).
OWNERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Taxon": ("taxonCreateOrUpdate", "taxon", {"displayName": "Kitchen"}),
    "OptionType": ("optionTypeCreateOrUpdate", "optionType", {"name": "size", "fieldType": "SINGLE_SELECT"}),
    "OptionValue": ("optionValueCreateOrUpdate", "optionValue", {"name": "m"}),
    "Brand": ("brandCreateOrUpdate", "brand", {"name": "Acme"}),
}


@pytest.mark.parametrize("owner", OWNERS)
async def test_it_keeps_its_ids_in_other_systems(conn: Connection, mutate: Mutate, owner: str) -> None:
    name, field, given = OWNERS[owner]
    if owner == "OptionValue":
        given = {**given, "optionTypeId": encode("OptionType", (await create_option_type(conn)).id)}
    seller = Viewer((await create_seller(conn)).id)
    shown = f"{field} {{ id externalIds {{ key value owner {{ id }} }} }}"

    made = await mutate(name, shown, {**given, "externalIds": [{"key": "pim", "value": "P-1"}]})
    key = made["data"][name][field]["id"]
    more = await mutate(name, shown, {"id": key, "externalIds": [{"key": "erp", "value": "E-1"}]})
    upsert = {"owner": key, "key": "pim", "value": "P-2"}
    refused = await mutate("externalIdUpsert", "", upsert, seller)
    kept = await mutate("externalIdUpsert", "externalId { value owner { id } }", upsert)
    twice = await mutate(name, "", {**given, "externalIds": [{"key": "k", "value": "1"}, {"key": "k", "value": " "}]})
    metadatum = await mutate("metadataUpsert", "", upsert)
    seen = await read_node(conn, key, f"{owner} {{ externalIds {{ key value }} }}", viewer=seller)

    assert made["data"][name][field]["externalIds"] == [{"key": "pim", "value": "P-1", "owner": {"id": key}}]
    assert [one["key"] for one in more["data"][name][field]["externalIds"]] == ["pim", "erp"]
    assert refused["data"]["externalIdUpsert"]["status"] == 403
    assert kept["data"]["externalIdUpsert"]["externalId"] == {"value": "P-2", "owner": {"id": key}}
    assert twice["data"][name]["errors"] == [
        {"field": "externalIds.1.key", "messages": ["is given twice"]},
        {"field": "externalIds.1.value", "messages": ["must not be blank"]},
    ]
    assert metadatum["data"]["metadataUpsert"]["errors"] == [
        {"field": "owner", "messages": [f"a {owner} keeps no such values"]}
    ]
    assert seen.data == {"externalIds": [{"key": "pim", "value": "P-2"}, {"key": "erp", "value": "E-1"}]}


async def test_a_value_that_nothing_has_chosen_is_deleted(conn: Connection, mutate: Mutate) -> None:
    free = await create_option_value(conn)
    await create_external_id(conn, "OptionValue", free.id)
    before = await conn.fetchval("select updated_at from option_types where id = $1", free.option_type_id)
    chosen = [
        (await create_variant_option_value(conn)).option_value_id,
        (await create_advert_option_value(conn)).option_value_id,
    ]

    answers = [
        (await mutate("optionValueDelete", "optionValue { name }", {"id": encode("OptionValue", value_id)}))["data"]
        for value_id in (free.id, free.id, *filter(None, chosen))
    ]

    deleted, again, *refused = [one["optionValueDelete"] for one in answers]
    assert (deleted["status"], deleted["optionValue"]) == (200, {"name": "m"})
    assert (again["status"], again["errors"]) == (
        404,
        [{"field": "id", "messages": ["there is no such option value"]}],
    )
    message = "is chosen by variants or adverts: choose another value there first"
    assert [(one["status"], one["errors"]) for one in refused] == [
        (409, [{"field": "id", "messages": [message]}]),
    ] * 2
    assert {row["id"] for row in await conn.fetch("select id from option_values")} == {*chosen}
    assert await conn.fetchval("select count(*) from external_ids") == 0
    after = await conn.fetchval("select updated_at from option_types where id = $1", free.option_type_id)
    assert after > before


async def test_a_value_that_is_being_chosen_is_not_deleted(conn: Connection, mutate: Mutate, database_url: str) -> None:
    value, variant = await create_option_value(conn), await create_variant(conn)
    choice = (
        "insert into variant_option_values (variant_id, option_type_id, option_value_id)"
        f" values ({variant.id}, {value.option_type_id}, {value.id})"
    )

    async with held(database_url, choice) as chosen:
        deletion = asyncio.ensure_future(mutate("optionValueDelete", "", {"id": encode("OptionValue", value.id)}))
        await chosen.reached("option_values")
    answer = (await deletion)["data"]["optionValueDelete"]

    message = "is chosen by variants or adverts: choose another value there first"
    assert (answer["status"], answer["errors"]) == (409, [{"field": "id", "messages": [message]}])


async def test_a_value_that_is_being_deleted_gets_no_external_id(
    conn: Connection, mutate: Mutate, database_url: str
) -> None:
    value = await create_option_value(conn)
    given = {"owner": encode("OptionValue", value.id), "key": "pim", "value": "P-1"}

    async with held(database_url, f"delete from option_values where id = {value.id}") as deleted:
        upsert = asyncio.ensure_future(mutate("externalIdUpsert", "", given))
        await deleted.reached("option_values")
    answer = (await upsert)["data"]["externalIdUpsert"]

    assert (answer["status"], answer["errors"]) == (
        404,
        [{"field": "owner", "messages": ["there is no such OptionValue"]}],
    )
    assert await conn.fetchval("select count(*) from external_ids") == 0


async def test_a_value_that_is_being_deleted_is_not_chosen(conn: Connection, mutate: Mutate, database_url: str) -> None:
    value, variant = await create_option_value(conn), await create_variant(conn)
    choice = {
        "optionTypeId": encode("OptionType", value.option_type_id),
        "optionValueId": encode("OptionValue", value.id),
    }
    given = {"variantId": encode("Variant", variant.id), "attributes": {"variantOptionValues": [choice]}}

    async with held(database_url, f"delete from option_values where id = {value.id}") as deleted:
        update = asyncio.ensure_future(mutate("variantUpdate", "", given))
        await deleted.reached("option_values")
    answer = (await update)["data"]["variantUpdate"]

    field, message = "attributes.variantOptionValues.0.optionValueId", "must be one of the option type's values"
    assert (answer["status"], answer["errors"]) == (422, [{"field": field, "messages": [message]}])


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("optionValueCreateOrUpdate", {"id": "", "displayName": "Medium"}),
        ("optionValueDelete", {"id": ""}),
        ("externalIdUpsert", {"owner": "", "key": "pim", "value": "P-1"}),
    ],
)
async def test_a_type_is_locked_before_its_value(
    conn: Connection, mutate: Mutate, database_url: str, name: str, given: dict[str, str]
) -> None:
    value = await create_option_value(conn)
    given = {field: text or encode("OptionValue", value.id) for field, text in given.items()}

    async with held(database_url, "select from option_types for no key update") as locked:
        change = asyncio.ensure_future(mutate(name, "", given))
        await locked.reached("option_types")
        free = await conn.fetch("select id from option_values for update skip locked")

    assert (await change)["data"][name]["status"] == 200
    assert [row["id"] for row in free] == [value.id]


async def test_a_seller_deletes_no_value(conn: Connection, mutate: Mutate) -> None:
    value = await create_option_value(conn)
    viewer = Viewer((await create_seller(conn)).id)

    answer = await mutate("optionValueDelete", "optionValue { id }", {"id": encode("OptionValue", value.id)}, viewer)

    assert answer["data"]["optionValueDelete"]["status"] == 403
    assert await conn.fetchval("select count(*) from option_values") == 1


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("taxonCreateOrUpdate", ["displayName"]),
        ("optionTypeCreateOrUpdate", ["name", "fieldType"]),
        ("optionValueCreateOrUpdate", ["optionTypeId", "name"]),
    ],
)
async def test_what_all_share_is_the_operators_and_complete(
    conn: Connection, mutate: Mutate, name: str, fields: list[str]
) -> None:
    sellers = await mutate(name, "", {}, Viewer((await create_seller(conn)).id))
    incomplete = await mutate(name, "", {})

    assert sellers["data"][name]["status"] == 403
    assert incomplete["data"][name]["errors"] == [{"field": field, "messages": ["is required"]} for field in fields]
