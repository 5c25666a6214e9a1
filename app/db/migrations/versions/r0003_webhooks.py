"""API keys and webhooks."""

from app.db.migrations.sql_file import run_sql_file

revision = "0003_webhooks"
down_revision = "0002_orders"


def upgrade() -> None:
    run_sql_file(__file__)
