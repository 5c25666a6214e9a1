"""The rest of the entity graph: addresses, images, brands, taxons, options, inventories, external ids."""

from app.db.migrations.sql_file import run_sql_file

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_sql_file(__file__)
