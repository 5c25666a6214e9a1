"""Content negotiation: the media type of an answer by `Accept`, its coding by `Accept-Encoding`.

Source: RFC 9110, sections 12.4.2 (quality values), 12.5.1 and 12.5.3; GraphQL over HTTP, "Media types".
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache

RESPONSE_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
_PAGE = "text/html"

#: Characters of a header that are read: anybody may send any header, and has shown no key yet.
_MOST_CHARACTERS = 1_000
#: Different headers that are remembered. Clients send few.
_REMEMBERED = 128


def media_type(accept: str) -> str:
    """Return the media type of an answer: plain JSON, unless the client names GraphQL's own and likes JSON no better.

    The answer is JSON as well for a client that accepts neither. The specification allows that or a 406, and a client
    that gets JSON can at least show it.
    """
    graphql, json = _quality(accept, RESPONSE_JSON), _quality(accept, JSON)
    is_named = RESPONSE_JSON in _qualities(accept)
    return RESPONSE_JSON if graphql > json or (graphql == json > 0 and is_named) else JSON


def prefers_page(accept: str) -> bool:
    """Tell whether a client wants HTML rather than JSON, as a browser does."""
    return _quality(accept, _PAGE) > max(_quality(accept, RESPONSE_JSON), _quality(accept, JSON))


def prefers_stream(accept: str) -> bool:
    """Tell whether a client wants every answer as a stream of events rather than as JSON."""
    json = max(_quality(accept, RESPONSE_JSON), _quality(accept, JSON))
    return accepts_stream(accept) and _qualities(accept)[EVENT_STREAM] > json


def accepts_stream(accept: str) -> bool:
    """Tell whether a client names the type of a stream of events: it reads one where the answer is a subscription's."""
    return _qualities(accept).get(EVENT_STREAM, 0.0) > 0


def content_coding(accept_encoding: str, offered: Sequence[str]) -> str | None:
    """Return the offered coding that a client likes best, the earlier one of equals; None for the plain answer."""
    wanted = _qualities(accept_encoding)
    best, chosen = wanted.get("identity", 0.0), None
    for coding in offered:
        quality = wanted.get(coding, wanted.get("*", 0.0))
        if quality > 0 and (quality > best or (quality == best and chosen is None)):
            best, chosen = quality, coding
    return chosen


def _qualities(header: str) -> Mapping[str, float]:
    """Return the quality of each entry of a header. An entry whose quality can't be read is not wanted."""
    return _read_qualities(header[:_MOST_CHARACTERS])


def _quality(accept: str, media_type: str) -> float:
    """Return the quality of a media type: that of the most specific range that it is in."""
    return _read_quality(accept[:_MOST_CHARACTERS], media_type)


@lru_cache(_REMEMBERED)
def _read_qualities(header: str) -> Mapping[str, float]:
    found = {}
    for entry in header.lower().split(","):
        name, *parameters = (part.strip() for part in entry.split(";"))
        if name:
            text = next((part[2:] for part in parameters if part.startswith("q=")), "1")
            found[name] = _number(text)
    return found


def _number(text: str) -> float:
    try:
        quality = float(text)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0


@lru_cache(_REMEMBERED)
def _read_quality(accept: str, media_type: str) -> float:
    wanted = _read_qualities(accept)
    kind = media_type.partition("/")[0]
    ranges = (media_type, f"{kind}/*", "*/*")
    return next((wanted[one] for one in ranges if one in wanted), 0.0)
