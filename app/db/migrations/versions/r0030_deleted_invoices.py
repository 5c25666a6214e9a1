"""Shipments and refund requests that are deleted together with their invoice keep its seller."""

from app.db.migrations.sql_file import run_sql_file

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    run_sql_file(__file__)
