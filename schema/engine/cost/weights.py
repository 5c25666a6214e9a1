"""The weight of a field in the cost of an operation: 1, or more for long texts and slow fields."""

from collections.abc import Mapping

from graphql import GraphQLField, GraphQLNonNull, get_named_type, is_leaf_type, is_list_type

from app.kernel.problems import MAX_LONG_TEXT, MAX_TEXT, longest_text
from app.webhooks.domain.headers import MAX_TOTAL_BYTES
from schema.engine.limits import MAX_CHARACTERS
from schema.entities.declarations import Leaf
from schema.entities.declared import declaration_of

#: Characters that count as one value, in a text that may be longer than MAX_TEXT. Each may have four bytes.
CHARACTERS_PER_VALUE = 200

#: Rows that a plain list (such as an invoice's line items) is assumed to have, and texts in a list of texts.
LIST_SIZE = 10

#: The most characters of texts whose limit does not follow from their column's name.
LONGEST: Mapping[tuple[str, str], int] = {
    ("InvoiceAnnotation", "content"): MAX_LONG_TEXT,
    ("Invoice", "buyerMessageToSeller"): longest_text("message_to_seller"),
    ("Webhook", "queryString"): MAX_CHARACTERS,
    ("Webhook", "payloadSchema"): 40_000,
    ("Webhook", "headers"): MAX_TOTAL_BYTES,
    ("Webhook", "description"): 2_000,
    ("Webhook", "filter"): 2_000,
    ("Webhook", "url"): 2_000,
    ("WebhookDryRun", "payloadSchema"): 40_000,
    ("WebhookRecipe", "queryString"): 2_000,
    ("DeliveryAttempt", "responseBody"): 8_192,
    # Usual lengths. With the longest ones, a page could have only twenty payloads, or no invoices with adjustments.
    # TELLGRAPH_MAX_RESPONSE_BYTES bounds the whole answer.
    **{("WebhookEvent", name): 10_000 for name in ("payload", "payloadText", "previous")},
    ("WebhookMessage", "body"): 10_000,
    ("AuditEntry", "changes"): 10_000,
    ("WebhookEvent", "changed"): 10_000,
    ("Adjustment", "description"): MAX_TEXT,
}

#: Root fields that take time themselves. A dry run checks a query and compiles a filter, which takes up to 0.1 s. An
#: operation may have a few of them. The others check or run one stored query.
EXPENSIVE_FIELDS: Mapping[str, int] = {
    "webhookDryRun": 10_000,
    "webhookCreate": 2_000,
    "webhookUpdate": 2_000,
    "webhookTest": 2_000,
    "webhookExplain": 2_000,
    # It counts up to thirty thousand entries of indexes.
    "deliveryStatistics": 1_000,
}

#: Fields that check a stored query each time, or the first time.
SLOW_FIELDS = frozenset({"payloadSchema"})


def weight(type_name: str, name: str, field: GraphQLField | None) -> int:
    """Return the weight of a leaf: the number of parts of the longest text that it may have."""
    longest = LONGEST.get((type_name, name))
    if longest is None:
        longest = 0 if field is None or not _is_text(field) else _longest_of(name, field)
    parts = 1 if longest <= MAX_TEXT else -(-longest // CHARACTERS_PER_VALUE)
    return parts * LIST_SIZE if field is not None and _is_list_of_texts(field) else parts


def _longest_of(name: str, field: GraphQLField) -> int:
    """Return the length limit, by the names of the field and its columns, which inputs have, too."""
    declared = declaration_of(field)
    columns = declared.reads if isinstance(declared, Leaf) else ()
    return max(map(longest_text, [name, *columns]))


def _is_text(field: GraphQLField) -> bool:
    named = get_named_type(field.type)
    return is_leaf_type(named) and named.name == "String"


def _is_list_of_texts(field: GraphQLField) -> bool:
    kind = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    return is_list_type(kind) and _is_text(field)
