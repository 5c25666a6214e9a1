"""Global ids: standard base64 of `Type-<int>`, as in `Invoice-10363`. Opaque to clients."""

import base64
import binascii
import re
from collections.abc import Callable

from app.errors import InvalidInput
from schema.entities.declarations import ENTITIES

_FORM = re.compile(r"([A-Z][A-Za-z]*)-(0|[1-9][0-9]*)\Z")
_BIGINT_MAX = 2**63 - 1


def encode(type_name: str, key: int) -> str:
    return base64.b64encode(f"{type_name}-{key}".encode()).decode()


def encoder(type_name: str) -> Callable[[int], str]:
    """Return a faster `encode` for one type: a page has thousands of ids."""
    form, to_base64 = type_name.encode() + b"-%d", binascii.b2a_base64
    return lambda key: to_base64(form % key, newline=False).decode()


def decode(global_id: str, *, field: str = "id", wanted: str | None = None) -> tuple[str, int]:
    """Return type name and key. Raises InvalidInput for a text that `encode` can't have made.

    A key beyond the database's integers comes back as -1, which no row has.

    Args:
        wanted: The type that the id should be of, for the message; None: any type.
    """
    try:
        text = base64.b64decode(global_id, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _malformed(field, global_id, wanted) from error
    match = _match(text)
    if match is None:
        raise _malformed(field, global_id, wanted)
    key = int(match[2])
    return match[1], key if key <= _BIGINT_MAX else -1


def decode_entity(global_id: str, *, field: str = "id", wanted: str | None = None) -> tuple[str, int]:
    """Return type name and key of the entity: of the advert, for the id of an UnpublishedAdvert.

    The arguments and errors are those of `decode`.
    """
    type_name, key = decode(global_id, field=field, wanted=wanted)
    entity = ENTITIES.get(type_name)
    return entity.table.type_name if entity is not None and entity.is_stand_in else type_name, key


def key_of(global_id: str, type_name: str, *, field: str) -> int:
    """Return the key of an id that must be of one type. Raises InvalidInput, which names the field and both types."""
    found, key = decode_entity(global_id, field=field, wanted=type_name)
    if found != type_name:
        raise InvalidInput.at(field, f"is the id of {_with_article(found)}, not of {_with_article(type_name)}")
    return key


def from_any_form(text: str, type_name: str | None = None) -> str:
    """Return the global id of a number, of `Type-<int>` or of a global id, as people and logs name objects.

    Args:
        type_name: The type that the id must be of, and whose a number is. None: any type; a number is refused.

    Raises:
        InvalidInput: It has none of these forms, or is of another type.
    """
    given = f"{type_name}-{text}" if text.isdecimal() and type_name else text
    match = _match(given)
    global_id = encode(match[1], int(match[2])) if match else given
    if type_name is None:
        decode(global_id)
    else:
        key_of(global_id, type_name, field="id")
    return global_id


def _match(text: str) -> re.Match[str] | None:
    match = _FORM.match(text)
    return None if match is None or len(match[2]) > 30 else match


def _malformed(field: str, global_id: str, wanted: str | None) -> InvalidInput:
    """Describe what is no id. A number, or the readable form, is answered with the id that was meant."""
    problem = f"{global_id[:64]!r} is not an id of this API"
    if match := _match(global_id):
        problem = f"{problem}; its base64 is: {encode(match[1], int(match[2]))!r}"
    elif match := _match(f"{wanted or 'Invoice'}-{global_id}"):
        meant = encode(match[1], int(match[2]))
        problem = f"{problem}; the {match[1]} with the number {match[2]} has the id {meant!r}"
    return InvalidInput.at(field, problem)


def _with_article(type_name: str) -> str:
    return f"{'an' if type_name[0] in 'AEIOU' else 'a'} {type_name}"
