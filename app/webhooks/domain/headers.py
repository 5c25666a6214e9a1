"""The rules for a subscriber's own headers. Pure."""

import re
from collections.abc import Mapping
from typing import Final

MAX_HEADERS: Final = 30
MAX_VALUE_BYTES: Final = 4 * 1024
MAX_NAME_BYTES: Final = 256
# Names and values together: many servers refuse a request whose head is longer than 16 KiB.
MAX_TOTAL_BYTES: Final = 16 * 1024

# What the connection needs, what frames the body, and what the delivery contract says itself.
# Hop-by-hop names: RFC 9110, 7.6.1.
RESERVED: Final = frozenset(
    (
        "accept",
        "accept-encoding",
        "connection",
        "expect",
        "host",
        "http2-settings",
        "idempotency-key",
        "keep-alive",
        "te",
        "trailer",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    )
)
# `content-`: length, type and encoding are facts about our body. `svix-`: receivers read it as `webhook-`.
RESERVED_PREFIXES: Final = ("content-", "proxy-", "svix-", "tellgraph-", "webhook-")

# RFC 9110, 5.6.2.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_TAIL_SHOWN = 4
_MASK = "••••••••"


def check_headers(headers: Mapping[str, object]) -> dict[str, list[str]]:
    """Check the headers that a subscriber wants on each POST.

    Returns:
        Messages for the integrator by header name. Problems of all headers together have the empty name. Empty when
        the headers may be used as they are.
    """
    problems = {name: messages for name, value in headers.items() if (messages := _check(name, value))}
    for name in _repeated(headers):
        problems.setdefault(name, []).append("is given more than once: case does not tell names apart")
    if together := _check_together(headers):
        problems[""] = together
    return problems


def mask(value: str) -> str:
    """Mask a header's value for reading: show at most its last four characters, and none of a short one."""
    # Four of at least sixteen characters let the owner recognise the value, and tell nobody else what it is.
    return _MASK + (value[-_TAIL_SHOWN:] if len(value) >= 4 * _TAIL_SHOWN else "")


def _check(name: str, value: object) -> list[str]:
    return _check_name(name) + _check_value(value)


def _check_name(name: str) -> list[str]:
    if not _TOKEN.fullmatch(name):
        return ["is not a header name: use letters, digits and hyphens"]
    if len(name) > MAX_NAME_BYTES:
        return [f"has a name of {len(name)} characters; at most {MAX_NAME_BYTES} are allowed"]
    if name.lower() in RESERVED or name.lower().startswith(RESERVED_PREFIXES):
        return ["is set by Tellgraph or by the connection itself; use another name"]
    return []


def _check_value(value: object) -> list[str]:
    if not isinstance(value, str):
        return ["must be a string"]
    messages = []
    if not _VALUE.fullmatch(value):
        messages.append("may contain only visible ASCII characters, spaces and tabs")
    if value != value.strip(" \t"):
        messages.append("must not begin or end with a blank")
    if len(value) > MAX_VALUE_BYTES:
        messages.append(f"has {len(value)} characters; at most {MAX_VALUE_BYTES} are allowed")
    return messages


def _repeated(headers: Mapping[str, object]) -> list[str]:
    """Return the names that equal an earlier one in another case."""
    seen: set[str] = set()
    repeated = []
    for name in headers:
        if name.lower() in seen:
            repeated.append(name)
        seen.add(name.lower())
    return repeated


def _check_together(headers: Mapping[str, object]) -> list[str]:
    messages = []
    if len(headers) > MAX_HEADERS:
        messages.append(f"there are {len(headers)} headers; at most {MAX_HEADERS} are allowed")
    total = sum(len(name) + len(value) for name, value in headers.items() if isinstance(value, str))
    if total > MAX_TOTAL_BYTES:
        messages.append(f"names and values have {total} characters; at most {MAX_TOTAL_BYTES} are allowed")
    return messages
