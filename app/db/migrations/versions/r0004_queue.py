"""The queue and its history: change events, webhook events, attempts."""

from app.db.migrations.sql_file import run_sql_file

revision = "0004_queue"
down_revision = "0003_webhooks"


def upgrade() -> None:
    run_sql_file(__file__)
