"""Sellers and what they offer."""

from app.db.migrations.sql_file import run_sql_file

revision = "0001_catalogue"
down_revision = None


def upgrade() -> None:
    run_sql_file(__file__)
