"""Attempts tell their webhook, and can be listed."""

from app.db.migrations.sql_file import run_sql_file

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    run_sql_file(__file__)
