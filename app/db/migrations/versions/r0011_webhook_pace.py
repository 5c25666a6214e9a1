"""A webhook's own rate limit, and the pause that its endpoint asks for."""

from app.db.migrations.sql_file import run_sql_file

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    run_sql_file(__file__)
