"""Orders, invoices, shipments, refunds."""

from app.db.migrations.sql_file import run_sql_file

revision = "0002_orders"
down_revision = "0001_catalogue"


def upgrade() -> None:
    run_sql_file(__file__)
