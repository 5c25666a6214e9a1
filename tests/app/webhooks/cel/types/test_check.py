"""A filter is checked by type: what can't be true is a problem, what is certain in a part of it a warning."""

import pytest

from app.webhooks.cel.types.check import TypeReport, check_types
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from schema import schema
from schema.stored.filter_types import check_filter_types
from schema.stored.validate import stored_query

INVOICE = (
    "id legacyId totalCents status createdAt statusFlags order { id } lineItems { quantity }"
    " adjustments { nodes { id } }"
)


def check(text: str, selection: str = "", klass: WebhookKlass = WebhookKlass.INVOICE) -> TypeReport:
    selection = selection or "id legacyId totalCents status createdAt statusFlags order { id } lineItems { quantity }"
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on {klass.entity_type} {{ {selection} }} }} }}"
    return check_filter_types(schema._schema, stored_query(schema._schema, query, klass), klass, text, WebhookEventName)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "data.node.totalCents >= 10",
        "data.node.totalCents != null && data.node.totalCents > 1.5",
        "data.node.status == 'PAID' || event.name == 'destroy'",
        "'PAID' in data.node.statusFlags",
        "data.node.statusFlags.exists(flag, flag in ['PAID', 'READY'])",
        "data.node.lineItems.all(item, item.quantity > 3)",
        "data.node.lineItems.filter(item, item.quantity > 3).map(item, item.quantity) == [4]",
        "data.node['legacyId'] == 1 && data.node.lineItems[0].quantity % 2 == 1",
        "data.node.order == null ? event.type.endsWith('.create') : data.node.order.id == r\"\\x\"",
        "timestamp(data.node.createdAt) > timestamp('2026-01-01T00:00:00Z') + duration('1h')",
        "timestamp(data.node.createdAt).getHours() < 12",
        "has(data.node.order.id) && event.changed.updated.exists(path, path.matches('^order'))",
        "!event.changed.cut && size(data.node.lineItems) > 1 && event.entity.id.size() > 1",
        "type(data.node.legacyId) == int && {'a': 1}['a'] == 1 && [1, 2][1] == 2 && -1 < 0",
        "data == null || data.node == null // nobody knows",
        "string(data.node.legacyId) + 'x' == '1x' && dyn(1) == 1u",
    ],
)
def test_what_may_be_true_is_right(text: str) -> None:
    assert check(text) == TypeReport()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "data.node.legacyID == 1",
            "line 1, column 11: data.node has no field 'legacyID'. Did you mean 'legacyId'?",
        ),
        ("true &&\n  data.nod.id == ''", "line 2, column 8: data has no field 'nod'. Did you mean 'node'?"),
        ("event.nme == 'update'", "line 1, column 7: event has no field 'nme'. Did you mean 'name'?"),
        (
            "event.nothing == 'update'",
            "line 1, column 7: event has no field 'nothing'; it has 'name', 'type', 'entity', 'changed'",
        ),
        ("event.name == 'updated'", "line 1, column 1: event.name is never 'updated'. Did you mean 'update'?"),
        ("'PAYED' in data.node.statusFlags", "line 1, column 12: data.node.statusFlags is never 'PAYED'. Did you mean"),
        (
            "data.node.legacyId",
            "line 1, column 1: data.node.legacyId is a number, but a filter must be true or false",
        ),
        (
            "data.node.legacyId == '1'",
            "line 1, column 1: data.node.legacyId == '1' is never true: data.node.legacyId is a number, '1' is text",
        ),
        ("data.node.id == null", "line 1, column 1: data.node.id == null is never true: data.node.id is text, null is"),
        (
            "data.node.totalCents > '1'",
            "line 1, column 1: data.node.totalCents > '1' can't be evaluated: data.node.totalCents is a number or null,"
            " '1' is text",
        ),
        ("data.node.totalCents + '1' == ''", "line 1, column 1: data.node.totalCents + '1' can't be evaluated"),
        ("data.node.lineItems.quantity > 3", "line 1, column 1: data.node.lineItems is a list, and has no fields"),
        (
            "data.node.statusFlags.contains('PAID')",
            "line 1, column 1: data.node.statusFlags is a list, but contains() takes text. Did you mean"
            " `… in data.node.statusFlags`?",
        ),
        ("data.node.lineItems.exists(i, i.quantity)", "line 1, column 31: i.quantity is a number, but exists() takes"),
        ("data.node.id.exists(i, true)", "line 1, column 1: data.node.id is text, but exists() takes a list"),
        ("!data.node.id", "line 1, column 2: data.node.id is text, not true or false"),
        ("-data.node.id == 1", "line 1, column 2: data.node.id is text, but - takes a number"),
        ("size(data.node.legacyId) > 1", "line 1, column 6: data.node.legacyId is a number, and has no size"),
        ("data.node.lineItems['a'] == 1", "line 1, column 21: 'a' is text; a list has its elements by number, from 0"),
        ("data.node['legcyId'] == 1", "line 1, column 1: data.node has no field 'legcyId'. Did you mean 'legacyId'?"),
        ("has(data.node.legcyId)", "line 1, column 15: data.node has no field 'legcyId'. Did you mean 'legacyId'?"),
        ("data.node.legacyId ? true : true", "line 1, column 1: data.node.legacyId is a number, but ? takes true"),
        ("data.node.totalCents && true", "line 1, column 1: data.node.totalCents is a number or null, but && takes"),
        ("1 in data.node", None),
        ("'a' in data.node.id", "line 1, column 8: data.node.id is text, but in takes a list"),
        ("false", "line 1, column 1: false is never true, so that nothing would be sent"),
    ],
)
def test_what_can_not_be_true_is_a_problem_with_its_place(text: str, problem: str | None) -> None:
    report = check(text)

    assert report.warnings == ()
    assert [one.startswith(problem or "") for one in report.problems] == ([] if problem is None else [True])


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("data.node.nope == 1 || data.node.legacyId > 1", "line 1, column 11: data.node has no field 'nope'; it has"),
        ("data.node.legacyId != '1'", "line 1, column 1: data.node.legacyId != '1' is always true: data.node.legacyId"),
        ("event.name in ['update', 'destroy'] || event.name == 'created'", "line 1, column 40: event.name is never"),
    ],
)
def test_a_part_that_is_certain_is_a_warning(text: str, warning: str) -> None:
    report = check(text)

    assert report.problems == ()
    (found,) = report.warnings
    assert found.startswith(warning)


def test_a_field_of_one_member_of_a_union_may_be_read() -> None:
    selection = "advert { __typename ... on Advert { title } }"

    right = check("data.node.advert.title == 'x'", selection, WebhookKlass.VARIANT)
    wrong = check("data.node.advert.titel == 'x'", selection, WebhookKlass.VARIANT)
    member = check("data.node.advert.__typename == 'Adverts'", selection, WebhookKlass.VARIANT)

    assert right == TypeReport()
    assert wrong.problems == ("line 1, column 18: data.node.advert has no field 'titel'. Did you mean 'title'?",)
    assert member.problems[0].endswith("is never 'Adverts'. Did you mean 'Advert'?")


@pytest.mark.parametrize("text", ["a" * 2_000, "!" * 1_999 + "1", "true?" * 400 + "1", "1||" * 666 + "1", "[" * 900])
def test_what_is_too_deep_or_unknown_is_not_checked(text: str) -> None:
    assert check_types(text, {}).warnings == ()
