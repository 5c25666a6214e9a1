"""A webhook's query is checked when it is saved; each refusal says where and why."""

import time

import pytest

from app.errors import InvalidInput
from app.webhooks.domain.webhook import DEFAULT_QUERY, WebhookKlass
from schema import schema
from schema.stored.validate import stored_query


def node(selection: str) -> str:
    return f"query($id: ID!) {{ node(id: $id) {{ {selection} }} }}"


def refusal(text: str, klass: WebhookKlass = WebhookKlass.INVOICE) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        stored_query(schema._schema, text, klass)
    assert list(caught.value.fields) == ["attributes.queryString"]
    return list(caught.value.fields["attributes.queryString"])


FORM = "as in query($id: ID!) { node(id: $id) { … } }"
REFUSED = {
    "no syntax": ("query {", "line 1, column 8: Syntax Error: Expected Name, found <EOF>."),
    "unknown field": (node("\n  nope"), "line 2, column 3: Cannot query field 'nope' on type 'Node'."),
    "mutation": (
        "mutation { webhookCreate(input: {}) { status } }",
        "line 1, column 1: A webhook runs a query, not a mutation.",
    ),
    "subscription": ("subscription { x }", "line 1, column 1: A webhook runs a query, not a subscription."),
    "two operations": (
        f"query A{node('id')[5:]}\nquery B{node('id')[5:]}",
        "line 2, column 1: The query must have exactly one operation; it has 2.",
    ),
    "no operation": ("fragment a on Invoice { id }", "The query must have exactly one operation; it has 0."),
    "another variable": (
        "query($id: ID!, $n: Int!) { node(id: $id) { id } nodes(ids: []) @include(if: true) { id } }",
        "line 1, column 17: Variable '$n' is never used.",
    ),
    "another variable that is used": (
        "query($id: ID!, $c: String) { node(id: $id) { ... on Invoice { totalFormatted(currency: $c) } } }",
        f"line 1, column 17: The query must have exactly the variable $id: ID!, {FORM}",
    ),
    "wrong type": (
        "query($id: String!) { node(id: $id) { id } }",
        "line 1, column 7: Variable '$id' of type 'String!' used",
    ),
    "nullable": ("query($id: ID) { node(id: $id) { id } }", "line 1, column 7: Variable '$id' of type 'ID' used"),
    "nullable with default": (
        'query($id: ID = "x") { node(id: $id) { id } }',
        f"line 1, column 7: The query must have exactly the variable $id: ID!, {FORM}",
    ),
    "no variable": ("{ __typename }", f"line 1, column 1: The query must have exactly the variable $id: ID!, {FORM}"),
    "another root": (
        "query($id: ID!) { nodes(ids: [$id]) { id } }",
        f"line 1, column 19: The query must select node(id: $id) and nothing beside it, {FORM}",
    ),
    "a root beside it": (
        "query($id: ID!) { node(id: $id) { id } invoices { totalCount } }",
        f"line 1, column 19: The query must select node(id: $id) and nothing beside it, {FORM}",
    ),
    "node twice": (
        "query($id: ID!) { a: node(id: $id) { id } b: node(id: $id) { id } }",
        f"line 1, column 19: The query must select node(id: $id) and nothing beside it, {FORM}",
    ),
    "literal": (
        'query($id: ID!) { node(id: "SW52b2ljZS0x") { id } }',
        "line 1, column 7: Variable '$id' is never used.",
    ),
    "literal with the variable elsewhere": (
        'query($id: ID!) { node(id: "SW52b2ljZS0x") { ... on Invoice { totalFormatted(currency: $id) } } }',
        "line 1, column 7: Variable '$id' of type 'ID!' used in position expecting type 'String'.",
    ),
    "root in a fragment": (
        "query($id: ID!) { ...q } fragment q on Query { node(id: $id) { id } }",
        f"line 1, column 19: The query must select node(id: $id) and nothing beside it, {FORM}",
    ),
    "another type": (
        node("... on Variant { sku }"),
        "line 1, column 35: The query selects Variant, but the webhook's type is INVOICE (Invoice).",
    ),
    "another type by name": (
        node("...v") + " fragment v on Variant { sku }",
        "The query selects Variant, but the webhook's type is INVOICE (Invoice).",
    ),
    "another type deep inside": (
        node("... on Node { ... { ...v } }") + " fragment v on Variant { sku }",
        "The query selects Variant, but the webhook's type is INVOICE (Invoice).",
    ),
    "another type beside its own": (
        node("... on Invoice { id } ... on RefundRequest { id }"),
        "line 1, column 57: The query selects RefundRequest, but the webhook's type is INVOICE (Invoice).",
    ),
    "unknown fragment": (node("...a"), "line 1, column 38: Unknown fragment 'a'."),
    "fragment cycle": (
        node("...a") + " fragment a on Invoice { ...b } fragment b on Invoice { ...a }",
        "Cannot spread fragment 'a' within itself via 'b'.",
    ),
    "unused fragment": (node("id") + " fragment a on Invoice { id }", "Fragment 'a' is never used."),
    "deep selections": (node("... on Invoice {" * 10_000 + "id" + "}" * 10_000), "Document is nested too deeply."),
    "deep list": (
        f"query($id: ID!) {{ node(id: {'[' * 10_000}$id{']' * 10_000}) {{ id }} }}",
        "Document is nested too deeply.",
    ),
    "deep object": (
        node(f"id @include(if: {'{a:' * 10_000}1{'}' * 10_000})"),
        "Document is nested too deeply.",
    ),
    "too deep": (
        node("... on Invoice {" + "refundRequests { invoice {" * 8 + "id" + "}}" * 8 + "}"),
        "line 1, column 1: The operation nests deeper than 15 levels.",
    ),
    "too many aliases": (
        node("... on Invoice {" + " ".join(f"a{n}: id" for n in range(101)) + "}"),
        "line 1, column 1: The operation has more than 100 aliases.",
    ),
    "too many tokens": (node("id " * 5_000), "Syntax Error: Document contains more than 4000 tokens. Parsing aborted."),
    "introspection": (
        node("id").replace("} }", "} __schema { types { name } } }"),
        "The query must select node(id: $id) and nothing beside it",
    ),
    "NUL in a comment": (node("id") + " # \0", "line 1, column 44: NUL characters can't be stored."),
    "NUL in a string": (
        node('... on Invoice { totalFormatted(currency: "\0") }'),
        "line 1, column 78: NUL characters can't be stored.",
    ),
    "lone surrogate": (node("id") + " # \ud800", "line 1, column 44: Syntax Error: Invalid character: U+D800."),
    "escaped surrogate": (
        node('... on Invoice { totalFormatted(currency: "\\ud800") }'),
        "line 1, column 78: Syntax Error: Invalid Unicode escape sequence: '\\ud800'.",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str) -> None:
    text, message = REFUSED[case]

    assert any(message in one for one in refusal(text)), refusal(text)


@pytest.mark.parametrize("blank", ["", "  ", "\n\t"])
def test_blank_is_the_default_query(blank: str) -> None:
    query = stored_query(schema._schema, blank, WebhookKlass.VARIANT)

    assert (query.text, query.entity_type) == (DEFAULT_QUERY, "Variant")


@pytest.mark.parametrize(
    "text",
    [
        node("id"),
        node("... on Invoice { id refundRequests { invoice { id } } }"),
        node("... on Node { ... on Invoice { id } }"),
        node("...i") + " fragment i on Invoice { id }",
        "query Named($id: ID!) @include(if: true) { node(id: $id) { id } }".replace(" @include(if: true)", ""),
        "query($id: ID!) { theInvoice: node(id: $id) { id } }",
    ],
)
def test_accepted(text: str) -> None:
    assert stored_query(schema._schema, text, WebhookKlass.INVOICE).text == text


def test_fragments_that_double_each_other_are_checked_at_once() -> None:
    """Expanded, they would be a hundred million fields: seen to take 11 s at twenty, and hours at forty."""
    text = node("...f0") + "".join(f" fragment f{n} on Invoice {{ ...f{n + 1} ...f{n + 1} }}" for n in range(60))
    text += " fragment f60 on Invoice { totalCents }"

    began = time.thread_time()
    query = stored_query(schema._schema, text, WebhookKlass.INVOICE)

    assert query.watched >= {"invoices.total_cents", "invoices.seller_id"}
    assert time.thread_time() - began < 5


def test_aliases_in_repeated_fragments_count_each_time() -> None:
    text = node("... on Invoice { a: lineItems { ...l } b: lineItems { ...l } c: lineItems { ...l } }")
    text += " fragment l on LineItem { " + " ".join(f"a{n}: id" for n in range(35)) + " }"

    assert refusal(text) == ["line 1, column 1: The operation has more than 100 aliases."]
