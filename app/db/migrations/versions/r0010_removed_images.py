"""Images that were removed stay with what was sold."""

from app.db.migrations.sql_file import run_sql_file

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    run_sql_file(__file__)
