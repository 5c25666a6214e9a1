"""A migrated, empty cluster, made once in a run and copied: making and migrating one takes some two seconds of CPU."""

import subprocess
from pathlib import Path

from app.db.migrate import migrate
from app.tools.embedded import EmbeddedPostgres
from tests.support.made_once import made_once, place


def copy_prepared_cluster(data_dir: Path) -> None:
    """Put it into this directory, where a server finds it and the password that belongs to it."""
    (made,) = made_once("cluster", _make)
    data_dir.mkdir(exist_ok=True)
    for name in ("postgres", "postgres.password"):
        # Files stay those of PostgreSQL's user.
        subprocess.run(["cp", "-a", Path(made) / name, data_dir], check=True)


def _make() -> list[str]:
    data_dir = place() / "prepared"
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        migrate(postgres.url())
    return [str(data_dir)]
