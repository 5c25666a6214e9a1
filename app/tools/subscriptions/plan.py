"""Compare a folder with a server: what has to be created, changed and deleted. Pure."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.kernel.parsed_json import JsonObject, ParsedJson
from app.tools.subscriptions.definition import SETTINGS, UNMANAGED_IF_ABSENT, Definition, WrongFolder
from app.tools.subscriptions.server import ServerWebhooks
from app.webhooks.domain.headers import mask
from app.webhooks.domain.webhook import DEFAULT_QUERY


class ActionKind(StrEnum):
    """The kind of an action."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One attribute that changes. Values of headers are never shown: the old are masked, the new are as in the file."""

    field: str
    old: ParsedJson
    new: ParsedJson


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One webhook and the change that makes it as its file says.

    Attributes:
        node: The webhook at the server; None: it is to be created.
        values: The attributes to send, with the values of headers.
    """

    kind: ActionKind
    handle: str
    node: JsonObject | None
    changes: tuple[Change, ...]
    values: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All actions, deletions first. `kept`: handles of the server that the folder does not have, and that stay."""

    actions: tuple[Action, ...]
    kept: tuple[str, ...]

    def digest(self) -> str:
        """Return a digest of the actions and of the state that they begin from. It has no secrets."""
        told = [
            [one.kind, one.handle, *((one.node["id"], one.node["updatedAt"]) if one.node else ()), shown(one.changes)]
            for one in self.actions
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def shown(changes: Sequence[Change]) -> list[JsonObject]:
    """Return changes as JSON."""
    return [{"field": one.field, "old": one.old, "new": one.new} for one in changes]


def make_plan(
    definitions: Sequence[Definition],
    server: ServerWebhooks,
    value_of: Callable[[str], str],
    *,
    prune: bool,
    all_headers: bool = False,
) -> Plan:
    """Compare a folder with a server.

    Args:
        value_of: Replaces variables of the environment in a text.
        prune: Whether webhooks that the folder does not have are deleted.
        all_headers: Whether header values are sent again that look the same: only their last characters are known.

    Raises:
        WrongFolder: A webhook would have another type or delivery.
    """
    left = dict(server.by_handle)
    made: list[Action] = []
    for one in definitions:
        node = left.pop(one.handle, None)
        if node is None and one.renamed_from not in {other.handle for other in definitions}:
            node = left.pop(one.renamed_from or "", None)
        if node is None:
            made.append(_creation(one, value_of))
        elif (update := _update(one, node, value_of, all_headers=all_headers)).changes:
            made.append(update)
    deletions = [Action(kind=ActionKind.DELETE, handle=name, node=left[name], changes=(), values={}) for name in left]
    return Plan(actions=(*(deletions if prune else ()), *made), kept=() if prune else tuple(left))


def _creation(one: Definition, value_of: Callable[[str], str]) -> Action:
    given = {api: one.settings[name] for name, (api, _) in SETTINGS.items() if name in one.settings}
    fixed = {"type": one.type, "handle": one.handle, "delivery": one.delivery, "queryString": one.query}
    shown_values = {**fixed, **given, **({"headers": dict(one.headers)} if one.headers else {})}
    values: JsonObject = {**shown_values}
    if one.headers:
        values["headers"] = {name: value_of(value) for name, value in one.headers.items()}
    if one.hmac_key is not None:
        values["hmacKey"] = value_of(one.hmac_key)
    changes = tuple(Change(field=name, old=None, new=value) for name, value in shown_values.items() if name != "handle")
    return Action(kind=ActionKind.CREATE, handle=one.handle, node=None, changes=changes, values=values)


def _update(one: Definition, node: JsonObject, value_of: Callable[[str], str], *, all_headers: bool) -> Action:
    for name, wanted in (("type", one.type), ("delivery", one.delivery)):
        if node[name] != wanted:
            raise WrongFolder(
                f"{one.handle}: {name} is {node[name]} at the server and can't be changed to {wanted}. Give the new"
                " webhook another handle."
            )
    changes = [] if node["handle"] == one.handle else [Change(field="handle", old=node["handle"], new=one.handle)]
    if _query(one.query) != _query(node["queryString"]):
        changes.append(Change(field="queryString", old=node["queryString"], new=one.query))
    for name, (api, _) in SETTINGS.items():
        if name in UNMANAGED_IF_ABSENT and name not in one.settings:
            continue
        if name == "url" and one.delivery == "PULL":
            continue
        if _comparable(name, one.wanted(name)) != _comparable(name, node[api]):
            changes.append(Change(field=api, old=node[api], new=one.wanted(name)))
    values: JsonObject = {change.field: change.new for change in changes}
    headers = {name: value_of(value) for name, value in one.headers.items()}
    masked = {name: mask(value) for name, value in headers.items()}
    if masked != node["headers"] or (all_headers and headers):
        changes.append(Change(field="headers", old=node["headers"], new=dict(one.headers)))
    if masked != node["headers"] or (headers and (all_headers or "url" in values)):
        # Header values do not follow the URL to another host: the server asks for them again.
        values["headers"] = headers
    return Action(kind=ActionKind.UPDATE, handle=one.handle, node=node, changes=tuple(changes), values=values)


def _query(text: str) -> str:
    return text.strip() or DEFAULT_QUERY


def _comparable(name: str, value: ParsedJson) -> ParsedJson:
    """Return a value in a form in which equal settings are equal: the order of names does not matter."""
    is_set = name in ("event_names", "signature_schemes", "triggers") and isinstance(value, list)
    return sorted(set(value)) if is_set else value or None if name in ("filter", "description") else value


def definitions_of(server: ServerWebhooks, present: Sequence[Definition]) -> list[Definition]:
    """Return the definitions of what a server has. Names of files and variables stay as the folder has them."""
    before = {one.handle: one for one in present}
    return [_definition(node, before.get(handle)) for handle, node in sorted(server.by_handle.items())]


def _definition(node: JsonObject, before: Definition | None) -> Definition:
    handle = str(node["handle"])
    defaults = Definition(handle=handle, type=node["type"], query_file="")
    managed = UNMANAGED_IF_ABSENT - (before.settings.keys() if before else set())
    return Definition(
        handle=handle,
        type=node["type"],
        delivery=node["delivery"],
        query=node["queryString"].rstrip("\n") + "\n",
        query_file=before.query_file if before else f"{handle}.graphql",
        settings={
            name: node[api]
            for name, (api, _) in SETTINGS.items()
            if name not in managed
            and node[api] is not None
            and _comparable(name, node[api]) != _comparable(name, defaults.wanted(name))
        },
        headers={name: _placeholder(handle, name, before.headers if before else {}) for name in node["headers"]},
        hmac_key=before.hmac_key if before else None,
    )


def _placeholder(handle: str, header: str, before: Mapping[str, str]) -> str:
    return before.get(header) or "${" + f"{handle}_{header}".replace("-", "_").upper() + "}"
