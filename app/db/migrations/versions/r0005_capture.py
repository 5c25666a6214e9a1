"""Create the tables that capture triggers keep for themselves."""

from app.db.migrations.sql_file import run_sql_file

revision = "0005_capture"
down_revision = "0004_queue"


def upgrade() -> None:
    run_sql_file(__file__)
