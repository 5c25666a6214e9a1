"""What disabled webhooks miss is kept as one row for each changed entity."""

from app.db.migrations.sql_file import run_sql_file

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    run_sql_file(__file__)
