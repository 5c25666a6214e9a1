"""After an outage, waiting retries are brought forward."""

from app.db.migrations.sql_file import run_sql_file

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    run_sql_file(__file__)
