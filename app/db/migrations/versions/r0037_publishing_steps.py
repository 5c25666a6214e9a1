"""Publishing by bounded steps: lanes of change events, and webhooks that tell when they were changed."""

from app.db.migrations.sql_file import run_sql_file

revision = "0037"
down_revision = "0035"


def upgrade() -> None:
    run_sql_file(__file__)
