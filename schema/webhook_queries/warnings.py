"""Warnings of a webhook: what is allowed, and surely not meant."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphql import (
    FieldNode,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    NoDeprecatedCustomRule,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    validate,
    visit,
)

from app.auth.viewers import Viewer
from app.errors import Forbidden, InvalidInput
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.webhook import DEFAULT_QUERY, WebhookEventName, WebhookKlass
from app.webhooks.services.webhook_klasses import possible_event_names
from schema.entities.declarations import ENTITIES, VISIBILITY, Relation
from schema.entities.declared import declaration_of
from schema.stored.filter_types import check_filter_types
from schema.stored.validate import StoredQuery, stored_query, with_place

_NO_UPDATES = (
    "No UPDATE is ever sent, because the query reads nothing that can change. Select the fields that you want to be"
    " told of, or ask for CREATE or DESTROY"
)
_ALL_EQUAL = (
    "An UPDATE is sent once at most: the query reads nothing that can change, and a result that equals the last one is"
    " left out. Set allowSkip to false to be told of each change of the triggers"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDraft:
    """The attributes of a webhook that its warnings follow from, saved or not."""

    owner: Viewer
    klass: WebhookKlass
    event_names: Sequence[WebhookEventName]
    triggers: Sequence[str] = ()
    filter: str | None = None
    skips_equal: bool = True


def draft_of(webhook: Webhook) -> WebhookDraft:
    """Return what the warnings of a stored webhook follow from."""
    return WebhookDraft(
        owner=Viewer(webhook.seller_id),
        klass=webhook.type,
        event_names=webhook.event_names,
        triggers=webhook.triggers,
        filter=webhook.filter,
        skips_equal=webhook.allow_skip and not webhook.every_change,
    )


def warnings_of_webhook(schema: GraphQLSchema, webhook: Webhook) -> dict[str, list[str]]:
    """Return the warnings of a stored webhook by attribute; none while its query does not fit the schema."""
    try:
        query = stored_query(schema, webhook.query_string, webhook.type)
    except InvalidInput:
        return {}
    return warnings_of(schema, query, draft_of(webhook))


def warnings_of(schema: GraphQLSchema, query: StoredQuery, draft: WebhookDraft) -> dict[str, list[str]]:
    """Return the warnings by the name of the attribute in the schema, without attributes that have none."""
    found = {
        "queryString": [
            *([] if (useless := _useless_updates(schema, query, draft)) is None else [useless]),
            *_unreadable_fields(schema, query, draft.owner),
            *(with_place(error) for error in validate(schema, query.document, [NoDeprecatedCustomRule])),
        ],
        "filter": [*_filter_warnings(schema, query, draft)],
    }
    return {name: messages for name, messages in found.items() if messages}


def filter_problems(schema: GraphQLSchema, query: StoredQuery, klass: WebhookKlass, text: str) -> list[str]:
    """Return why a filter that compiles can't be true for any result of the query; empty if it may be."""
    return [*check_filter_types(schema, query, klass, text, possible_event_names(klass)).problems]


def _filter_warnings(schema: GraphQLSchema, query: StoredQuery, draft: WebhookDraft) -> Iterator[str]:
    if not draft.filter:
        return
    report = check_filter_types(schema, query, draft.klass, draft.filter, possible_event_names(draft.klass))
    yield from report.warnings
    if not report.problems and set(draft.event_names) < set(possible_event_names(draft.klass)):
        asked = check_filter_types(schema, query, draft.klass, draft.filter, draft.event_names)
        names = ", ".join(name for name in draft.event_names)
        yield from (f"{problem} (for {names} alone)" for problem in asked.problems)


def _useless_updates(schema: GraphQLSchema, query: StoredQuery, draft: WebhookDraft) -> str | None:
    """Warn of a webhook that asks for UPDATEs alone, but whose result never changes."""
    if tuple(draft.event_names) != (WebhookEventName.UPDATE,):
        return None
    blank = stored_query(schema, DEFAULT_QUERY, draft.klass)
    if not query.watched <= blank.watched | {f"{ENTITIES[draft.klass.entity_type].table.name}.id"}:
        return None
    if not draft.triggers:
        return _NO_UPDATES
    return _ALL_EQUAL if draft.skips_equal else None


def _unreadable_fields(schema: GraphQLSchema, query: StoredQuery, owner: Viewer) -> list[str]:
    """Warn of each field whose rows the owner can never read: it is an error in every payload."""
    if owner.is_operator:
        return []
    types = TypeInfo(schema)
    visitor = _UnreadableFields(types, owner)
    visit(query.document, TypeInfoVisitor(types, visitor))
    return [with_place(error) for error in visitor.found]


class _UnreadableFields(Visitor):
    def __init__(self, types: TypeInfo, owner: Viewer) -> None:
        super().__init__()
        self._types = types
        self._owner = owner
        self.found: list[GraphQLError] = []

    def enter_field(self, node: FieldNode, *_: object) -> None:
        field, parent = self._types.get_field_def(), self._types.get_parent_type()
        declared = declaration_of(field) if field else None
        if not isinstance(declared, Relation) or not isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            return
        try:
            VISIBILITY[declared.target.name].check(self._owner)
        except Forbidden as error:
            message = (
                f"The webhook's owner can never read '{node.name.value}': {error.message} Each payload has an error"
            )
            self.found.append(GraphQLError(message, [node]))
