"""The audit entry of a mutation, in its own transaction, and the log's line of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import strawberry
import structlog

from app.auth.db.audit_entries import record_audit_entry
from app.auth.viewers import Viewer
from app.db.pool import WholeTransaction
from app.errors import Conflict, Forbidden, InvalidInput, NotFound
from schema.engine.context import Info
from schema.entities.declarations import ENTITIES, Entity
from schema.entities.names import input_path

_log = structlog.get_logger()


async def record_mutation(whole: WholeTransaction, info: Info, given: object, made: Mapping[str, object]) -> None:
    """Record a mutation that has been carried out.

    Args:
        whole: The transaction in which it was.
        info: Names the mutation and its viewer.
        given: Its input. Names of its fields are recorded, and none of its values.
        made: The fields of its payload, one of which is the row that was changed.
    """
    viewer, entity = info.context.viewer, changed_entity(made)
    await record_audit_entry(
        await whole.connection(),
        action=info.field_name,
        actor=viewer.actor,
        seller_id=viewer.seller_id,
        api_key_id=viewer.key_id,
        entity=entity,
        fields=given_fields(given),
    )


def log_mutation(info: Info, made: Mapping[str, object], *, is_repeated: bool) -> None:
    """Log a mutation that has been committed, or one whose first answer is repeated under its Idempotency-Key."""
    type_name, entity_id = changed_entity(made) or (None, None)
    event = "mutation.repeated" if is_repeated else "mutation.made"
    _log.info(event, **_who(info), entity_type=type_name, entity_id=entity_id)


@contextmanager
def refusals_logged(info: Info) -> Iterator[None]:
    """Log the mutation if it is refused. Errors of the server are logged with their traceback elsewhere."""
    try:
        yield
    except (InvalidInput, NotFound, Conflict, Forbidden) as error:
        _log.info("mutation.refused", **_who(info), status=error.status, code=error.code)
        raise


def changed_entity(made: Mapping[str, object]) -> tuple[str, int] | None:
    """Return type and id of the row among the fields of a payload; None if there is none.

    Of a row without a global id, such as a metadatum, they are those of its owner.
    """
    row: Any = next((value for value in made.values() if type(value) in entities_by_row()), None)
    if row is None:
        return None
    entity = entities_by_row()[type(row)]
    return (entity.name, int(row.id)) if entity.is_node else (row.owner_type, int(row.owner_id))


@cache
def entities_by_row() -> Mapping[type, Entity]:
    """Return the types by their rows' classes. Not to be called while types are still being declared."""
    return {entity.row: entity for entity in ENTITIES.values()}


def given_fields(given: object) -> list[str]:
    """Return the paths of the input's fields that were given, without the places in lists: `lineItems.quantity`."""
    found: dict[str, None] = {}
    _collect(given, "", found)
    return [input_path(path, type(given)) for path in found]


def _collect(given: object, path: str, found: dict[str, None]) -> None:
    if is_dataclass(given):
        for field in fields(given):
            value = getattr(given, field.name)
            if value is not strawberry.UNSET and field.name != "client_mutation_id":
                _collect(value, f"{path}.{field.name}" if path else field.name, found)
    elif isinstance(given, list) and given and is_dataclass(given[0]):
        for each in given:
            _collect(each, path, found)
    else:
        found[path] = None


def _who(info: Info) -> dict[str, object]:
    viewer: Viewer = info.context.viewer
    return {"mutation": info.field_name, "actor": viewer.actor, "api_key_id": viewer.key_id}
