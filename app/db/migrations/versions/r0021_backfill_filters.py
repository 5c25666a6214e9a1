"""Backfills of what meets a list's filters."""

from app.db.migrations.sql_file import run_sql_file

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    run_sql_file(__file__)
