"""A revision is the SQL file of its name in `sql/`: forward only, with a bounded wait for locks."""

from pathlib import Path

from alembic import op
from sqlalchemy import AdaptedConnection


def run_sql_file(revision_file: str) -> None:
    """Run `sql/<name of the revision's module>.sql` in the revision's transaction."""
    path = Path(revision_file)
    script = path.parent.parent / "sql" / f"{path.stem.removeprefix('r')}.sql"
    op.execute("set local lock_timeout = '5s'")
    connection = op.get_bind().connection.dbapi_connection
    assert isinstance(connection, AdaptedConnection)
    # The script holds several statements: asyncpg's simple protocol takes them, a prepared one does not.
    connection.run_async(lambda conn: conn.execute(script.read_text()))
