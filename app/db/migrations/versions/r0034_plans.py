"""Lists of the history cost the same whatever else is in it."""

from app.db.migrations.sql_file import run_sql_file

revision = "0034"
down_revision = "0032"


def upgrade() -> None:
    run_sql_file(__file__)
