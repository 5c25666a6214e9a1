"""Skips are counted per webhook and reason, and an entity's recorded changes can be read."""

from app.db.migrations.sql_file import run_sql_file

revision = "0035"
down_revision = "0034"


def upgrade() -> None:
    run_sql_file(__file__)
