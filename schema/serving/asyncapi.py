"""Webhooks as an AsyncAPI document: what is sent where, and the schema of each body.

Source: AsyncAPI 3.0.0. Its schemas are JSON Schema's draft 7, and a reference in them starts at the document.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from app import __version__
from app.kernel.parsed_json import JsonObject

_TEXT = {"type": "string"}
_HEADERS: JsonObject = {
    "type": "object",
    "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        "webhook-id": {**_TEXT, "description": "The event's id, the same at each attempt."},
        "webhook-timestamp": {**_TEXT, "description": "When the attempt was signed, in Unix seconds."},
        "webhook-signature": {**_TEXT, "description": "Signatures as Standard Webhooks says, separated by spaces."},
        "Idempotency-Key": {**_TEXT, "description": "The same as `webhook-id`."},
        "Tellgraph-Sequence": {**_TEXT, "description": "It rises with the state of the entity."},
        "Tellgraph-Attempt": {**_TEXT, "description": "The number of the attempt, from 1."},
        "Tellgraph-Digest": {**_TEXT, "description": "SHA-256 of the payload, in hexadecimal."},
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DescribedWebhook:
    """A webhook as the document describes it.

    Args:
        url: None for a webhook that is pulled.
        body: The JSON Schema of its bodies; None if the stored query is broken.
    """

    id: str
    type: str
    event_names: Sequence[str]
    description: str | None
    url: str | None
    body: JsonObject | None


def webhook_of(node: JsonObject) -> DescribedWebhook:
    """Read a webhook from its GraphQL fields."""
    return DescribedWebhook(
        id=node["id"],
        type=node["type"],
        event_names=node["eventNames"],
        description=node["description"],
        url=node["url"] if node["delivery"] == "PUSH" else None,
        body=node["payloadSchema"],
    )


def async_api(webhooks: Sequence[DescribedWebhook]) -> JsonObject:
    """Return the AsyncAPI document of an owner's webhooks."""
    # A name in the document has letters, digits, `-` and `_` alone.
    names = {webhook: f"webhook_{number}" for number, webhook in enumerate((one.id for one in webhooks), 1)}
    named = {names[webhook.id]: webhook for webhook in webhooks}
    schemas: JsonObject = {"headers": _HEADERS}
    for name, webhook in named.items():
        schemas |= _schemas(name, webhook.body)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Webhooks of Tellgraph",
            "version": __version__,
            "description": "The bodies that the webhooks of a key's owner send, signed as Standard Webhooks says.",
        },
        "defaultContentType": "application/json",
        "servers": {name: _server(webhook.url) for name, webhook in named.items() if webhook.url is not None},
        "channels": {name: _channel(name, webhook) for name, webhook in named.items()},
        "operations": {
            f"send_{name}": {
                "action": "send",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": f"Sends {', '.join(webhook.event_names)} of {webhook.type}.",
            }
            for name, webhook in named.items()
        },
        "components": {
            "schemas": schemas,
            "messages": {name: _message(name, webhook) for name, webhook in named.items()},
        },
    }


def _server(url: str) -> JsonObject:
    parts = urlsplit(url)
    return {"host": parts.netloc, "protocol": parts.scheme}


def _channel(name: str, webhook: DescribedWebhook) -> JsonObject:
    channel: JsonObject = {
        "title": webhook.id,
        "description": webhook.description or f"The webhook {webhook.id}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }
    if webhook.url is None:
        return {**channel, "address": None, "servers": []}
    parts = urlsplit(webhook.url)
    return {**channel, "address": parts.path or "/", "servers": [{"$ref": f"#/servers/{name}"}]}


def _message(name: str, webhook: DescribedWebhook) -> JsonObject:
    message: JsonObject = {
        "name": f"{webhook.type.lower()} webhook",
        "title": f"{webhook.type} of {webhook.id}",
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/headers"},
    }
    return message if webhook.body is None else {**message, "payload": {"$ref": f"#/components/schemas/{name}"}}


def _schemas(name: str, body: JsonObject | None) -> JsonObject:
    """Return a body's schema and its definitions by their names in the document."""
    if body is None:
        return {}
    whole = {key: value for key, value in body.items() if key not in ("$schema", "$defs")}
    parts = {f"{name}_{key}": value for key, value in body.get("$defs", {}).items()}
    return {name: _moved(whole, name), **{key: _moved(value, name) for key, value in parts.items()}}


def _moved(part: Any, name: str) -> Any:
    """Return a part of a schema whose references lead to where the definitions are in the document."""
    if isinstance(part, list):
        return [_moved(one, name) for one in part]
    if not isinstance(part, dict):
        return part
    if isinstance(reference := part.get("$ref"), str):
        return {"$ref": reference.replace("#/$defs/", f"#/components/schemas/{name}_")}
    return {key: _moved(value, name) for key, value in part.items()}
