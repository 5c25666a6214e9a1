"""Indexes for lists of a long history: by time, and by state."""

from app.db.migrations.sql_file import run_sql_file

revision = "0028"
down_revision = "0021"


def upgrade() -> None:
    run_sql_file(__file__)
