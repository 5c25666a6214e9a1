"""Operational events: what happens to webhooks themselves."""

from app.db.migrations.sql_file import run_sql_file

revision = "0020"
down_revision = "0012"


def upgrade() -> None:
    run_sql_file(__file__)
