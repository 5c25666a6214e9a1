"""What people do with webhooks by hand."""

from app.db.migrations.sql_file import run_sql_file

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    run_sql_file(__file__)
