"""Print deliveries for people, or as JSON lines for programs."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from rich.console import Console
from rich.json import JSON
from rich.text import Text

from app.tools.listening.deliveries import Delivery, Signature

_MAX_SHOWN_CHARS = 2_000


def show(delivery: Delivery, console: Console, *, with_headers: bool = False) -> None:
    """Print one delivery: its time, entity, signature, changes and payload, and its headers if they are wanted."""
    body = delivery.json
    is_event = isinstance(body, dict) and "payload" in body
    console.print(_headline(delivery, body if is_event else {}), soft_wrap=True)
    for name, value in delivery.headers.items() if with_headers else ():
        console.print(Text(f"  {_printable(name)}: {_printable(value)}", style="dim"), soft_wrap=True)
    if not is_event:
        console.print(Text(_printable(delivery.body.decode(errors="replace"))), soft_wrap=True)
        return
    for kind, paths in _changes(body.get("changed")):
        console.print(Text.assemble(("  " + kind.ljust(8), "cyan"), _printable(", ".join(paths))), soft_wrap=True)
    console.print(JSON.from_data(body["payload"], indent=2), soft_wrap=True)
    console.print()


def json_line(delivery: Delivery, **outcome: object) -> bytes:
    """Return one delivery as a JSON object in a line.

    Args:
        outcome: Further members, such as what an endpoint has answered.
    """
    body = delivery.json
    return orjson.dumps(
        {
            "receivedAt": delivery.received_at.isoformat(),
            "signature": delivery.signature,
            "problem": delivery.problem,
            "headers": dict(delivery.headers),
            "body": delivery.body.decode(errors="replace") if body is None else body,
            **outcome,
        }
    )


def _headline(delivery: Delivery, body: Mapping[str, Any]) -> Text:
    entity = body.get("entity")
    named = f"{entity.get('type')} {entity.get('id')}" if isinstance(entity, dict) else "not a webhook event"
    styles = {Signature.VERIFIED: "green", Signature.BAD: "bold red", Signature.NOT_CHECKED: "yellow"}
    return Text.assemble(
        (delivery.received_at.astimezone().strftime("%H:%M:%S.%f")[:-3], "dim"),
        "  ",
        (_printable(str(body.get("type", f"POST {delivery.path}"))), "bold"),
        f"  {_printable(named)}",
        f"  sequence {_header(delivery, 'tellgraph-sequence')}",
        f"  attempt {_header(delivery, 'tellgraph-attempt')}",
        "  ",
        (f"signature {delivery.signature}", styles[delivery.signature]),
        f": {delivery.problem}" if delivery.problem else "",
    )


def _changes(changed: object) -> Iterator[tuple[str, list[str]]]:
    if isinstance(changed, dict):
        for kind in ("added", "updated", "removed"):
            if isinstance(paths := changed.get(kind), list) and paths:
                yield kind, [str(path) for path in paths]


def _header(delivery: Delivery, name: str) -> str:
    return _printable(delivery.headers.get(name, "–"))


def _printable(text: str) -> str:
    """Return a text for the terminal: cut, and without control characters."""
    shown = "".join(character if character.isprintable() or character == "\n" else "�" for character in text)
    return shown if len(shown) <= _MAX_SHOWN_CHARS else f"{shown[:_MAX_SHOWN_CHARS]} …"
