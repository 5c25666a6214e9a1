"""History in partitions by time, apart from what the queue works with."""

from app.db.migrations.sql_file import run_sql_file

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    run_sql_file(__file__)
