"""Subscriptions as code: pull, plan, apply and check of a folder, against a server over HTTP.

Above 300 lines: one folder goes through all commands, and through what may break each of them.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders.sellers import create_seller
from tests.support.commands import CommandResult
from tests.support.forked_commands import fork_command, run_command
from tests.support.listeners import environment
from tests.support.load import IS_LONG
from tests.support.platform import Platform
from tests.support.waiting import LOCK_IS_AWAITED, until

URL = "https://hooks.example.com/in"
QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { legacyId totalCents } } }\n"
TOKEN = "a-very-long-token-of-the-erp"
SECRET = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3"
TWO = f"""
[webhooks.erp]
type = "INVOICE"
url = "{URL}"
event_names = ["UPDATE", "CREATE"]
filter = "data.node.totalCents >= 100"
rate_limit = 5
hmac_key = "${{ERP_SECRET}}"
headers = {{ Authorization = "Bearer ${{ERP_TOKEN}}" }}

[webhooks.feed]
type = "VARIANT"
delivery = "PULL"
description = "für das Lager \\"A\\""
"""
VARIABLES = {"ERP_TOKEN": TOKEN, "ERP_SECRET": SECRET}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "webhooks"
    made.mkdir()
    (made / "webhooks.toml").write_text(TWO)
    (made / "erp.graphql").write_text(QUERY)
    return made


async def code(api: Platform, command: str, *arguments: object, key: str | None = None, **variables: str) -> Any:
    """Run `tellgraph webhooks COMMAND`."""
    given = ["webhooks", command, *map(str, arguments), "--url", api.url]
    settings = {**environment(key or api.key, Path("/")), **VARIABLES, **variables}
    done = await asyncio.to_thread(run_command, given, settings)
    return CommandResult(code=done.returncode, out=done.stdout, err=done.stderr)


async def stored(api: Platform) -> list[dict[str, Any]]:
    return [
        dict(row) for row in await api.conn.fetch("select * from webhooks where deleted_at is null order by handle")
    ]


def many(folder: Path, count: int, more: str = "") -> None:
    tables = [f'[webhooks.w{n:03}]\ntype = "INVOICE"\nurl = "{URL}/{n}"\n{more}' for n in range(count)]
    (folder / "webhooks.toml").write_text("\n".join(tables))


async def test_a_folder_is_applied_once_and_then_there_is_nothing_to_do(api: Platform, folder: Path) -> None:
    planned = await code(api, "plan", folder)
    applied = await code(api, "apply", folder)
    again = [await code(api, "plan", folder), await code(api, "apply", folder)]

    assert (planned.code, applied.code) == (2, 0), (planned, applied)
    assert planned.out == applied.out
    assert planned.out.startswith('+ erp\n    type: "INVOICE"\n')
    assert '    headers: {"Authorization":"Bearer ${ERP_TOKEN}"}\n' in planned.out
    assert [(one.code, one.out) for one in again] == [(0, ""), (0, "")]
    erp, feed = await stored(api)
    assert (erp["handle"], erp["event_names"], erp["rate_limit"], erp["query_string"]) == (
        "erp",
        ["UPDATE", "CREATE"],
        5,
        QUERY,
    )
    assert (feed["handle"], feed["delivery"], feed["description"]) == ("feed", "PULL", 'für das Lager "A"')


async def test_what_is_pulled_is_what_is_there_without_secrets(api: Platform, folder: Path, tmp_path: Path) -> None:
    await code(api, "apply", folder)
    await api.create_webhook(URL)
    copy = tmp_path / "copy"

    pulled = await code(api, "pull", copy)
    first = {path.name: path.read_bytes() for path in copy.iterdir()}
    again = [await code(api, "pull", copy), await code(api, "pull", folder)]
    planned = await code(api, "plan", copy, ERP_AUTHORIZATION=f"Bearer {TOKEN}")

    assert pulled.code == 0, pulled.err
    assert "2 webhooks are in" in pulled.err
    assert "1 have no handle" in pulled.err
    assert [one.code for one in again] == [0, 0]
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == first
    assert first.keys() == {"webhooks.toml", "erp.graphql", "feed.graphql"}
    assert (planned.code, planned.out) == (0, ""), planned
    assert (await code(api, "plan", folder)).code == 0
    written = b"".join(first.values()) + (folder / "webhooks.toml").read_bytes()
    assert b"ERP_AUTHORIZATION" in written
    for hidden in (TOKEN, TOKEN[-4:], SECRET, SECRET.removeprefix("whsec_")):
        assert hidden.encode() not in written


async def test_what_differs_is_shown_and_changed_and_nothing_else(api: Platform, folder: Path) -> None:
    await code(api, "apply", folder)
    before = await stored(api)
    text = TWO.replace("rate_limit = 5\n", "").replace(">= 100", ">= 200")
    (folder / "webhooks.toml").write_text(text)

    planned = await code(api, "plan", folder, "--json", "--out", folder / "plan.json", ERP_TOKEN=f"another {TOKEN}x")
    applied = await code(api, "apply", folder, "--json", ERP_TOKEN=f"another {TOKEN}x")

    assert planned.code == 2
    (told,) = planned.objects
    (action,) = told["actions"]
    assert (action["action"], action["handle"], told["kept"]) == ("update", "erp", [])
    assert action["changes"] == [
        {"field": "filter", "old": "data.node.totalCents >= 100", "new": "data.node.totalCents >= 200"},
        {"field": "rateLimit", "old": 5, "new": None},
        {
            "field": "headers",
            "old": {"Authorization": f"••••••••{TOKEN[-4:]}"},
            "new": {"Authorization": "Bearer ${ERP_TOKEN}"},
        },
    ]
    assert [one["changes"] for one in applied.objects] == [action["changes"]]
    assert TOKEN.encode() not in (folder / "plan.json").read_bytes()
    changed = {name for name, value in (await stored(api))[0].items() if value != before[0][name]}
    assert changed == {"filter", "rate_limit", "headers", "headers_shown", "updated_at", "changed_xid"}
    assert (await stored(api))[1] == before[1]


async def test_a_renamed_handle_keeps_its_history_and_its_secrets(api: Platform, folder: Path) -> None:
    await code(api, "apply", folder)
    before, _ = await stored(api)
    renamed = TWO.replace("[webhooks.erp]", '[webhooks.erp-new]\nrenamed_from = "erp"\nquery = "erp.graphql"')
    (folder / "webhooks.toml").write_text(renamed)

    applied = await code(api, "apply", folder, "--prune")
    again = await code(api, "plan", folder, "--prune")

    assert (applied.code, applied.out) == (0, '~ erp-new\n    handle: "erp" → "erp-new"\n')
    assert (again.code, again.out) == (0, "")
    after, _ = await stored(api)
    assert (after["id"], after["handle"], after["secrets"]) == (before["id"], "erp-new", before["secrets"])


async def test_only_prune_deletes_and_only_what_has_a_handle(api: Platform, folder: Path) -> None:
    await code(api, "apply", folder)
    await api.create_webhook(URL)
    (folder / "webhooks.toml").write_text(TWO[: TWO.index("[webhooks.feed]")])

    kept = [await code(api, "plan", folder), await code(api, "apply", folder)]
    pruned = await code(api, "apply", folder, "--prune")

    assert [one.code for one in kept] == [0, 0]
    assert "feed is not in the folder, and stays" in kept[0].out
    assert (pruned.code, pruned.out) == (0, "- feed\n")
    assert [row["handle"] for row in await stored(api)] == ["erp", None]


async def test_a_stale_plan_is_refused_and_nothing_changes(api: Platform, folder: Path) -> None:
    await code(api, "apply", folder)
    (folder / "webhooks.toml").write_text(TWO.replace(">= 100", ">= 200"))
    file = folder / "plan.json"
    await code(api, "plan", folder, "--out", file)
    await api.conn.execute("update webhooks set timeout_s = 9, updated_at = now() where handle = 'erp'")
    before = await stored(api)

    stale = await code(api, "apply", folder, "--plan", file)
    unchanged = await stored(api)
    fresh = [await code(api, "plan", folder, "--out", file), await code(api, "apply", folder, "--plan", file)]
    twice = await code(api, "apply", folder, "--plan", file)

    assert (stale.code, unchanged) == (1, before)
    assert "The plan is stale" in stale.err
    assert [one.code for one in fresh] == [2, 0], fresh
    assert (twice.code, (await stored(api))[0]["timeout_s"]) == (1, 15)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "can't be read: No such file"), ("{", "is no plan"), ('{"digest": 7}', "`tellgraph webhooks plan DIR")],
)
async def test_a_file_that_is_no_plan_is_refused_with_what_to_do(
    api: Platform, folder: Path, content: str | None, said: str
) -> None:
    file = folder / "plan.json"
    if content is not None:
        file.write_text(content)

    applied = await code(api, "apply", folder, "--plan", file)

    assert applied.code == 1
    assert said in " ".join(applied.err.split())
    assert await stored(api) == []


async def test_two_at_once_make_each_webhook_once(api: Platform, folder: Path) -> None:
    many(folder, 60)

    done = await asyncio.gather(*(code(api, "apply", folder) for _ in range(3)))

    assert [one.code for one in done] == [0, 0, 0], [one.err for one in done]
    assert [row["handle"] for row in await stored(api)] == [f"w{n:03}" for n in range(60)]
    assert sum(one.out.count("+ w") for one in done) == 60


async def test_one_that_is_killed_halfway_is_finished_by_the_next(api: Platform, folder: Path, tmp_path: Path) -> None:
    many(folder, 150)
    given = ["webhooks", "apply", str(folder), "--url", api.url]
    out, err = tmp_path / "out", tmp_path / "err"
    killed = await asyncio.to_thread(fork_command, given, environment(api.key, Path("/")), out=out, err=err)

    async def has_begun() -> bool:
        return bool(await api.conn.fetchval("select count(*) >= 20 from webhooks"))

    async def is_idle() -> bool:
        sql = """select not exists (select from pg_stat_activity
            where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid())"""
        return bool(await api.conn.fetchval(sql))

    await until(has_begun)
    async with api.conn.transaction():
        # One webhook is being made when it is killed; whether the API makes it or not, it is done with it then.
        await api.conn.execute("lock table webhooks in exclusive mode")
        await until(lambda: api.conn.fetchval(LOCK_IS_AWAITED))
        killed.kill()
        await asyncio.to_thread(killed.wait)
    await until(is_idle)
    before = await stored(api)
    rest = await code(api, "apply", folder)

    assert 20 <= len(before) < 150
    assert (rest.code, rest.out.count("+ w")) == (0, 150 - len(before))
    after = await stored(api)
    assert [row["handle"] for row in after] == [f"w{n:03}" for n in range(150)]
    assert {row["id"] for row in before} <= {row["id"] for row in after}


async def test_hundreds_of_webhooks_are_made_changed_and_deleted(api: Platform, folder: Path) -> None:
    number = 500 if IS_LONG else 110
    many(folder, number)
    made = await code(api, "apply", folder)
    many(folder, number - 1, "max_retries = 3\n")

    changed = await code(api, "apply", folder, "--prune")
    planned = await code(api, "plan", folder, "--prune")

    assert (made.code, made.out.count("+ w")) == (0, number)
    assert (changed.code, changed.out.count("~ w"), changed.out.count("- w")) == (0, number - 1, 1)
    assert (planned.code, planned.out) == (0, "")
    assert {row["max_retries"] for row in await stored(api)} == {3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[webhooks.erp]\ntype = "INVOICE"\nulr = "x"', "erp: there is no setting 'ulr'. Did you mean 'url'?"),
        ('[webhooks.erp]\nurl = "x"', "erp: `type` is missing"),
        ('[webhooks.erp]\ntype = "INVOICE"\nheaders = { A = "secret" }', "erp: A must name a variable"),
        ('[webhooks.erp]\ntype = "INVOICE"\nhmac_key = "whsec_x"', "erp: hmac_key must name a variable"),
        ('[webhooks.erp]\ntype = "INVOICE"\nquery = "../x.graphql"', "erp: the query's file ../x.graphql is outside"),
        ('[webhooks.erp]\ntype = "INVOICE"\nquery = "none.graphql"', "erp: there is no file"),
        ('[webhooks.erp]\ntype = "INVOICE"\nheaders = { A = "${NOT_SET}" }', "Set NOT_SET in the environment"),
        (
            f'[webhooks.erp]\ntype = "INVOICE"\nurl = "{URL}"\nfilter = "data.nod"',
            "erp: filter: line 1, column 6: data",
        ),
        (f'[webhooks.E]\ntype = "INVOICE"\nurl = "{URL}"', "E: handle: must be 1 to 63 small letters"),
        ("[webhooks", "is no TOML"),
    ],
)
async def test_a_wrong_folder_is_told_and_changes_nothing(api: Platform, folder: Path, text: str, message: str) -> None:
    (folder / "webhooks.toml").write_text(text)

    done = await code(api, "apply", folder)

    assert done.code == 1
    assert message in done.err
    assert await stored(api) == []


async def test_a_handle_is_of_one_webhook_of_an_owner(api: Platform) -> None:
    key = await api.seller_key((await create_seller(api.conn)).id)
    first = await api.create_webhook(URL, handle="erp")
    other = await api.create_webhook(URL)

    taken = await api.create_webhook(URL, handle="erp")
    renamed = await api.mutate("webhookUpdate", "", webhookId=other["webhook"]["id"], attributes={"handle": "erp"})
    sellers = await api.create_webhook(URL, key=key, handle="erp")
    deleted = await api.mutate("webhookDelete", "", webhookId=first["webhook"]["id"])
    reused = await api.create_webhook(URL, handle="erp")

    noted = await api.conn.fetchval("select changes::text from audit_entries order by id limit 1")
    assert {"field": "handle", "old": None, "new": "erp"} in json.loads(noted)
    message = [{"field": "base", "messages": ["Another webhook of the same owner has this handle."]}]
    assert [(one["status"], one["errors"]) for one in (taken, renamed)] == [(409, message)] * 2
    assert [one["status"] for one in (sellers, deleted, reused)] == [200, 200, 200]


async def test_a_webhook_that_was_changed_meanwhile_is_neither_changed_nor_deleted(api: Platform) -> None:
    webhook_id = (await api.create_webhook(URL))["webhook"]["id"]
    seen = await api.data("query($id: ID!) { node(id: $id) { ... on Webhook { updatedAt } } }", {"id": webhook_id})
    given = {"webhookId": webhook_id, "ifUpdatedAt": seen["node"]["updatedAt"]}

    first = await api.mutate("webhookUpdate", "", **given, attributes={"maxRetries": 1})
    late = await api.mutate("webhookUpdate", "", **given, attributes={"maxRetries": 2})
    deleted = await api.mutate("webhookDelete", "", **given)

    assert [one["status"] for one in (first, late, deleted)] == [200, 409, 409]
    assert [row["max_retries"] for row in await stored(api)] == [1]


@pytest.mark.parametrize("language", ["typescript", "python"])
async def test_types_are_printed_for_a_folder_and_for_stored_webhooks(
    api: Platform, folder: Path, language: str
) -> None:
    from_folder = await code(api, "types", folder, "--language", language)
    await code(api, "apply", folder)
    by_handle = await code(api, "types", "erp", "feed", "--language", language)
    number = (await stored(api))[0]["id"]
    by_number = await code(api, "types", number, "--language", language)

    assert from_folder.code == 0, from_folder.err
    assert from_folder.out == by_handle.out
    words = ("interface Erp ", "interface Feed ") if language == "typescript" else ("class Erp(", "class Feed(")
    assert [from_folder.out.count(word) for word in words] == [1, 1]
    assert by_number.out in from_folder.out
    if language == "python":
        exec(compile(from_folder.out, "types", "exec"), {"__name__": "types"})
        assert from_folder.out.count("from pydantic import") == 1


def test_check_takes_a_folder_and_needs_no_server(folder: Path, tmp_path: Path) -> None:
    right = run_command(["check", str(folder)], environment("", tmp_path))
    (folder / "erp.graphql").write_text(QUERY.replace("totalCents", "legacyId"))
    wrong = run_command(["check", str(folder), "--json"], environment("", tmp_path))

    assert (right.returncode, right.stdout) == (0, "0 of 2 webhooks would break.\n")
    assert wrong.returncode == 1
    told = json.loads(wrong.stdout)
    assert (told["checked"], told["broken"][0]["handle"]) == (2, "erp")
    assert told["broken"][0]["message"].startswith("filter: line 1, column 11: data.node has no field 'totalCents'")
