"""What a webhook is narrowed by, and why it is broken."""

from app.db.migrations.sql_file import run_sql_file

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    run_sql_file(__file__)
