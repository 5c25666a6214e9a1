"""Mutations of what all sellers share: taxa, option types and their values."""

import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.catalogue import create_option_type, create_taxon
from tests.builders.sellers import create_seller
from tests.schema.mutations.conftest import Mutate


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
