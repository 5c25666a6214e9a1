"""The audit entries of commands that change something."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from databases import Database

from app.auth.db.audit_entries import COMMAND_LINE, record_audit_entry
from app.db.pool import one_transaction

Made = TypeVar("Made")


async def audited(
    database: Database,
    action: str,
    change: Callable[[Database], Awaitable[Made]],
    *,
    entity: Callable[[Made], tuple[str, int] | None] = lambda _: None,
) -> Made:
    """Make a change by a service, with its audit entry in the same transaction.

    Args:
        database: The database.
        action: The command, as in `keys create`.
        change: Calls one service function, which opens the transaction.
        entity: Returns type and id of what was changed.
    """
    async with one_transaction(database, actor=COMMAND_LINE) as whole:
        made = await change(database)
        await record_audit_entry(await whole.connection(), action=action, entity=entity(made))
    return made
