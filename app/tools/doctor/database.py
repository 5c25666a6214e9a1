"""Findings about the database: the server, the tables, and what is stored in them."""

from datetime import timedelta

from app.auth.secret_key import count_unreadable
from app.auth.secrets import box_of
from app.capture.triggers import list_stale_tables
from app.db.migrate import check_revision
from app.db.pool import Connection
from app.errors import Conflict, InvalidInput
from app.kernel import clock
from app.settings import Settings
from app.tools.doctor.finding import Finding, State
from app.webhooks.db.backlog import read_backlog

#: Seconds. Receivers refuse a signature that is five minutes off.
_CLOCK_WARNING_S, _CLOCK_WRONG_S = 5.0, 60.0
#: Seconds that work waits in a healthy installation at most.
_LATE_S = 60.0
#: Stored secrets that are tried, of each kind: all of a large installation would take minutes.
_TRIED = 1_000
_MIGRATE = "tellgraph migrate"


async def examine(conn: Connection, settings: Settings, *, place: str, is_embedded: bool) -> list[Finding]:
    """Look at the database. If it is not migrated, nothing stored is looked at."""
    found = [await _server_finding(conn, place), await _clock_finding(conn)]
    try:
        await check_revision(conn)
    except Conflict as error:
        return [*found, Finding(subject="Migration", state=State.WRONG, message=error.message)]
    found.append(Finding(subject="Migration", state=State.OK, message="the database is at this version."))
    return [
        *found,
        await _triggers_finding(conn),
        await _role_finding(conn, is_embedded=is_embedded),
        await _secrets_finding(conn, settings),
        await _queue_finding(conn),
        await _webhooks_finding(conn),
    ]


async def _server_finding(conn: Connection, place: str) -> Finding:
    user, version = await conn.fetchrow("select current_user, current_setting('server_version')") or ("", "")
    message = f"version {version} at {place}, as the role {user}."
    return Finding(subject="PostgreSQL", state=State.OK, message=message)


async def _clock_finding(conn: Connection) -> Finding:
    before = clock.now()
    theirs = await conn.fetchval("select clock_timestamp()")
    apart: timedelta = theirs - before - (clock.now() - before) / 2
    apart_s = abs(apart.total_seconds())
    message = f"this host and the database are {apart_s:.1f} s apart."
    if apart_s < _CLOCK_WARNING_S:
        return Finding(subject="Clock", state=State.OK, message=message)
    state = State.WRONG if apart_s >= _CLOCK_WRONG_S else State.WARNING
    cure = "Set both clocks by NTP: receivers refuse signatures whose time is five minutes off."
    return Finding(subject="Clock", state=state, message=message, cure=cure)


async def _triggers_finding(conn: Connection) -> Finding:
    if stale := await list_stale_tables(conn):
        message = f"missing, switched off or of former columns on {', '.join(stale)}: changes there may go unseen."
        return Finding(subject="Triggers", state=State.WRONG, message=message, cure=f"Run `{_MIGRATE}`.")
    return Finding(subject="Triggers", state=State.OK, message="every table of the marketplace is captured.")


async def _role_finding(conn: Connection, *, is_embedded: bool) -> Finding:
    foreign = await conn.fetch(
        "select relname, pg_get_userbyid(relowner) from pg_class where relkind in ('r', 'p') and relnamespace ="
        " (select relnamespace from pg_class where oid = 'alembic_version'::regclass)"
        " and not pg_has_role(relowner, 'USAGE') order by relname limit 1"
    )
    if foreign:
        table, owner = foreign[0]
        message = (
            f"it neither owns the tables ({table} is {owner}'s) nor belongs to their owner: no history is dropped."
        )
        cure = f"`grant {owner}` to it, or run Tellgraph as {owner}."
        return Finding(subject="Role", state=State.WRONG, message=message, cure=cure)
    if not is_embedded and await conn.fetchval("select rolsuper from pg_roles where rolname = current_user"):
        cure = "Give Tellgraph a role that owns its database and nothing else."
        return Finding(subject="Role", state=State.WARNING, message="it is a superuser.", cure=cure)
    return Finding(subject="Role", state=State.OK, message="it owns the tables.")


async def _secrets_finding(conn: Connection, settings: Settings) -> Finding:
    try:
        tried, unreadable = await count_unreadable(conn, box_of(settings), limit=_TRIED)
    except InvalidInput as error:
        return Finding(subject="Secret key", state=State.WRONG, message=error.message)
    if unreadable:
        message = f"it opens {tried - unreadable} of {tried} stored secrets."
        cure = "Set the key that they were saved with, or name it in TELLGRAPH_SECRET_KEY_PREVIOUS as well."
        return Finding(subject="Secret key", state=State.WRONG, message=message, cure=cure)
    message = f"it opens all {tried} stored secrets that were tried." if tried else "no secret is stored yet."
    return Finding(subject="Secret key", state=State.OK, message=message)


async def _queue_finding(conn: Connection) -> Finding:
    backlog = await read_backlog(conn)
    message = (
        f"the oldest change has waited {backlog.unpublished_s:.0f} s to be published,"
        f" the oldest due event {backlog.overdue_s:.0f} s to be sent."
    )
    if max(backlog.unpublished_s, backlog.overdue_s) > _LATE_S:
        cure = "Is a `tellgraph worker` running? If one is, its log says why, or there are too few."
        return Finding(subject="Queue", state=State.WRONG, message=message, cure=cure)
    return Finding(subject="Queue", state=State.OK, message=message)


async def _webhooks_finding(conn: Connection) -> Finding:
    row = await conn.fetchrow(
        "select count(*) as all, count(*) filter (where is_failing) as failing,"
        " count(*) filter (where disabled_reason is not null) as disabled,"
        " count(*) filter (where broken_reason is not null) as broken from webhooks where deleted_at is null"
    )
    assert row is not None
    message = f"{row['all']}; {row['failing']} fail, {row['disabled']} were disabled, {row['broken']} are broken."
    if row["failing"] or row["disabled"] or row["broken"]:
        cure = "`tellgraph webhooks list --needs-a-person` names them."
        return Finding(subject="Webhooks", state=State.WARNING, message=message, cure=cure)
    return Finding(subject="Webhooks", state=State.OK, message=message)
