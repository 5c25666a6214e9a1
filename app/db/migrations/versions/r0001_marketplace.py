"""Marketplace."""

from app.db.migrations.sql_file import run_sql_file

revision = "0001"
down_revision = None


def upgrade() -> None:
    run_sql_file(__file__)
