"""`tellgraph keys …`, as an operator types it."""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import typer
import uvloop

from app.auth.viewers import Viewer, authenticate
from app.cli.main import main
from app.cli.values import duration_s, row_id, time_ahead
from app.settings import get_settings
from schema.entities.global_ids import encode
from tests.builders.sellers import create_seller
from tests.support.platform import SECRET_KEY

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Done:
    status: object
    stdout: str
    stderr: str


class Keys:
    """The command in this process: one of its own would take seconds to start."""

    def __init__(self, patch: pytest.MonkeyPatch, output: pytest.CaptureFixture[str]) -> None:
        self._patch, self._output = patch, output

    async def __call__(self, *arguments: str) -> Done:
        self._patch.setattr(sys, "argv", ["tellgraph", "keys", *arguments])
        self._output.readouterr()
        status = await asyncio.to_thread(_status_of_main)
        return Done(status, *self._output.readouterr())

    async def ok(self, *arguments: str) -> str:
        done = await self(*arguments)
        assert done.status == 0, done.stderr
        return done.stdout


def _status_of_main() -> object:
    try:
        main()
    except SystemExit as ended:
        return ended.code
    return None


@pytest.fixture(scope="module", autouse=True)
def libuv_is_loaded() -> None:
    """It opens a pipe for signals, once in a process, and never closes it."""
    uvloop.run(asyncio.sleep(0))


@pytest.fixture
def keys(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Keys]:
    monkeypatch.setenv("TELLGRAPH_DATABASE_URL", database_url)
    monkeypatch.setenv("TELLGRAPH_REDIS_URL", "redis://unused")
    monkeypatch.setenv("TELLGRAPH_SECRET_KEY", SECRET_KEY)
    get_settings.cache_clear()
    yield Keys(monkeypatch, capsys)
    get_settings.cache_clear()


async def viewer_of(conn: asyncpg.Connection, printed: str) -> Viewer | None:
    return await authenticate(conn, printed.removesuffix("\n"))


async def test_a_key_is_made_with_an_end_and_scopes_listed_rotated_and_revoked(
    conn: asyncpg.Connection, keys: Keys
) -> None:
    seller = await create_seller(conn)

    made = await keys.ok("create", "--name", "shop", "--seller", str(seller.id), "--scope", "read", "--expires", "90d")
    viewer = await viewer_of(conn, made)
    assert viewer is not None
    assert (viewer.seller_id, [*viewer.scopes], viewer.key_name) == (seller.id, ["read"], "shop")
    assert viewer.key_expires_at is not None
    assert timedelta(days=89) < viewer.key_expires_at - datetime.now(UTC) < timedelta(days=90)

    rotated = await keys.ok("rotate", "1", "--overlap", "0")
    assert await viewer_of(conn, made) is None
    assert await viewer_of(conn, rotated) is not None

    await keys.ok("revoke", encode("ApiKey", 2))
    assert await viewer_of(conn, rotated) is None

    listed = json.loads(await keys.ok("list", "--json"))
    assert [(key["legacyId"], key["state"], key["scopes"]) for key in listed] == [
        (1, "EXPIRED", ["READ"]),
        (2, "REVOKED", ["READ"]),
    ]
    assert listed[0]["id"] == encode("ApiKey", 1)
    assert listed[0]["seller"] == {"id": encode("Seller", seller.id), "legacyId": seller.id}
    assert listed[0]["replacedBy"] == {"id": encode("ApiKey", 2), "legacyId": 2}
    assert made.strip() not in str(listed)


async def test_a_list_is_narrowed_and_shown_as_a_table(conn: asyncpg.Connection, keys: Keys) -> None:
    seller = await create_seller(conn)
    for owner in ((), ("--seller", encode("Seller", seller.id))):
        await keys.ok("create", "--name", f"key of {len(owner)}", *owner)

    everything = await keys.ok("list")
    sellers = await keys.ok("list", "--seller", str(seller.id), "--state", "live")
    none = await keys.ok("list", "--state", "revoked", "--state", "expired")

    assert everything.endswith("2 API keys.\n")
    (row,) = [line for line in everything.splitlines() if "key of 0" in line]
    cells = re.split(r" {2,}", row.strip())
    assert cells[:4] == ["1", "key of 0", "operator", "read write webhooks audit keys"]
    assert cells[4].startswith("tgk_")
    assert cells[5:] == ["live", "never", "never"]
    assert "key of 2" in sellers
    assert f"seller {seller.id}" in sellers
    assert sellers.endswith("1 API key.\n")
    assert none == "0 API keys.\n"


async def test_a_thousand_keys_are_all_listed(conn: asyncpg.Connection, keys: Keys) -> None:
    await conn.execute(
        "insert into api_keys (name, prefix, hash, scopes)"
        " select n::text, 'tgk_', n::text::bytea, '{read}' from generate_series(1, 1001) n"
    )

    listed = json.loads(await keys.ok("list", "--json"))

    assert [key["name"] for key in listed] == [str(number) for number in range(1, 1002)]


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (("create", "--name", " "), 1, "tellgraph: --name: must not be blank"),
        (("create", "--name", "a", "--seller", "7"), 1, "tellgraph: --seller: there is no seller 7"),
        (("create", "--name", "a", "--expires", "2020-01-01"), 1, "tellgraph: --expires: must be in the future"),
        (("create", "--name", "a", "--expires", "0"), 1, "tellgraph: --expires: must be in the future"),
        (("create", "--name", "a", "--expires", "soon"), 2, "'soon' is no duration, such as 90d or 12h, and no date"),
        (("create", "--name", "a", "--seller", "x"), 2, "'x' is no id of a Seller. Give a number such as 3, or a glob"),
        (("create", "--name", "a", "--scope", "admin"), 2, "'read', 'write', 'webhooks', 'audit', 'keys'"),
        (("rotate", "1", "--overlap", "99d"), 1, "tellgraph: --overlap: must be from 0 to 2592000"),
        (("rotate", "1", "--overlap", "90"), 2, "'90' is no duration. Give one such as 90d, 12h or 30m"),
        (("revoke", "9"), 1, "tellgraph: The API key: there is no such API key"),
        (("revoke", encode("Order", 3)), 2, f"'{encode('Order', 3)}' is the id of an Order, not of an ApiKey. Give"),
        (("list", "--state", "gone"), 2, "'live', 'expired', 'revoked'"),
    ],
)
async def test_a_mistake_is_told_with_what_may_be_given(
    conn: asyncpg.Connection, keys: Keys, arguments: tuple[str, ...], status: int, told: str
) -> None:
    done = await keys(*arguments)

    # Typer puts its errors into a frame and wraps them there.
    words = " ".join(done.stderr.replace("│", " ").split())
    assert told in words, done.stderr
    assert (done.status, done.stdout) == (status, "")
    assert "Traceback" not in done.stderr
    assert await conn.fetchval("select count(*) from api_keys") == 0


async def test_a_revoked_key_is_not_revoked_again(conn: asyncpg.Connection, keys: Keys) -> None:
    await keys.ok("create", "--name", "a")
    await keys.ok("revoke", "1")

    again = await keys("revoke", "1")
    rotated = await keys("rotate", "1")

    assert again.status == rotated.status == 1
    assert again.stderr.startswith("tellgraph: The API key: it was revoked at ")
    assert "make a new key" in " ".join(rotated.stderr.split())


async def test_each_change_has_an_audit_entry(conn: asyncpg.Connection, keys: Keys) -> None:
    await keys.ok("create", "--name", "The ERP")
    await keys.ok("rotate", "1")
    await keys.ok("revoke", "1")
    refused = await keys("revoke", "1")

    rows = await conn.fetch("select actor, action, entity_type, entity_id from audit_entries order by id")
    assert refused.status != 0
    assert [tuple(row) for row in rows] == [
        ("command line", "keys create", "ApiKey", 1),
        ("command line", "keys rotate", "ApiKey", 2),
        ("command line", "keys revoke", "ApiKey", 1),
    ]


@pytest.mark.parametrize(
    ("text", "expected"), [("90d", 7_776_000), ("12h", 43_200), ("30m", 1800), ("5s", 5), ("2w", 1_209_600), ("0", 0)]
)
def test_durations(text: str, expected: int) -> None:
    assert duration_s(text) == expected


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "1.5h", "1y", "99999999999w", "1 d"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration_s(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("36h", datetime(2026, 1, 3, 12, tzinfo=UTC)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T10:00:00+02:00", datetime(2027, 1, 31, 8, tzinfo=UTC)),
    ],
)
def test_times_ahead(text: str, expected: datetime) -> None:
    assert time_ahead(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "tomorrow", "2027-02-30", "9999-12-31T23:59:59-12:00", "99999999999d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        time_ahead(text, NOW)


def test_ids_have_two_forms() -> None:
    assert row_id("3", "ApiKey") == row_id(encode("ApiKey", 3), "ApiKey") == row_id("ApiKey-3", "ApiKey") == 3
    for wrong in ("", "-1", "x", "9" * 19, encode("Order", 3)):
        with pytest.raises(typer.BadParameter):
            row_id(wrong, "ApiKey")
