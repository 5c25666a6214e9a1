"""`tellgraph listen --remote` and an API that breaks, refuses, or asks for a pause."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from app.webhooks.domain.signing.signing_secret import generate_secret
from tests.support.fake_api import FakeApi, Fault, broken, busy, page, refusal, running_fake_api
from tests.support.forked_commands import run_command
from tests.support.listeners import QUERY, environment, listening
from tests.support.receiver import Delivery, Receiver

TYPE = ("--type", "INVOICE", "--query")


@pytest.fixture
async def fake_api() -> AsyncIterator[FakeApi]:
    async with running_fake_api() as running:
        yield running


@pytest.fixture
def query(tmp_path: Path) -> str:
    file = tmp_path / "query.graphql"
    file.write_text(QUERY)
    return str(file)


async def test_lost_connections_and_pauses_are_waited_out(fake_api: FakeApi, tmp_path: Path, query: str) -> None:
    fake_api.fail("webhookCreate", busy(503, "1"))
    fake_api.fail("webhookMessagesTake", broken(), busy(429, "1"), busy(503))
    fake_api.publish()
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query, "--json", "--limit", 1) as listener:
        code = await listener.ended()

    told = listener.err.read_text()
    assert code == 0
    assert [line["body"]["id"] for line in listener.lines] == ["event-1"]
    assert "the API asks for a pause (HTTP 503), trying again in 1 s …" in told
    assert "the API asks for a pause (HTTP 429), trying again in 1 s …" in told
    assert "connection lost (Server disconnected without sending a response), trying again in 1 s …" in told
    assert told.count("connected again") == 2
    assert fake_api.webhooks == set()


async def test_a_creation_without_an_answer_is_sent_again_under_its_key(
    fake_api: FakeApi, tmp_path: Path, query: str
) -> None:
    fake_api.fail("webhookCreate", busy(503), busy(503))
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query) as listener:
        await listener.told("connected to")
        await listener.stop()

    assert len(fake_api.keys_of_creation) == 3
    assert len(set(fake_api.keys_of_creation)) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_every_end_deletes_the_temporary_webhook(
    fake_api: FakeApi, tmp_path: Path, query: str, number: int
) -> None:
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query) as listener:
        await listener.told("connected to")
        made = set(fake_api.webhooks)
        code = await listener.stop(number)

    assert (code, made, fake_api.webhooks) == (0, {"V2ViaG9vay03"}, set())
    assert "the temporary webhook 7 is deleted" in listener.err.read_text()


async def test_an_error_deletes_the_temporary_webhook(fake_api: FakeApi, tmp_path: Path, query: str) -> None:
    fake_api.fail("webhookMessagesTake", refusal(200, "INTERNAL_SERVER_ERROR", "An internal error occurred."))
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query) as listener:
        code = await listener.ended()

    assert (code, fake_api.webhooks) == (1, set())
    assert "tellgraph: An internal error occurred." in listener.err.read_text()


async def test_the_end_tells_of_a_webhook_that_it_could_not_delete(
    fake_api: FakeApi, tmp_path: Path, query: str
) -> None:
    fake_api.fail("webhookDelete", refusal(200, "INTERNAL_SERVER_ERROR", "An internal error occurred."))
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query) as listener:
        await listener.told("connected to")
        code = await listener.stop()

    assert code == 0
    assert "Tellgraph deletes it when nobody has asked for its messages for an hour." in listener.err.read_text()


async def test_an_api_that_is_gone_does_not_keep_the_command_from_ending(
    fake_api: FakeApi, tmp_path: Path, query: str
) -> None:
    fake_api.fail("webhookMessagesTake", *[broken()] * 50)
    fake_api.fail("webhookDelete", *[broken()] * 1_000)
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query) as listener:
        await listener.told("connection lost")
        code = await listener.stop()

    assert code == 0
    assert "could not be deleted" in listener.err.read_text()


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (refusal(401, "UNAUTHENTICATED", "The API key is unknown."), 2, "The API key is unknown."),
        (refusal(200, "MISSING_SCOPE", "The API key lacks the scope webhooks."), 2, "lacks the scope webhooks"),
        (refusal(200, "CONFLICT", "The seller has 50 webhooks."), 1, "The seller has 50 webhooks."),
        (page(), 3, "is no GraphQL API: it answered HTTP 200"),
        (broken(), 3, "can't be reached: Server disconnected"),
    ],
    ids=["key", "scope", "refused", "page", "broken"],
)
async def test_exit_codes_tell_what_was_wrong(
    fake_api: FakeApi, tmp_path: Path, query: str, fault: Fault, code: int, message: str
) -> None:
    fake_api.fail("webhookCreate", fault)
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query) as listener:
        ended = await listener.ended()

    assert (ended, listener.out.read_text()) == (code, "")
    assert message in listener.err.read_text()


async def test_a_message_of_another_signer_is_rejected_and_not_forwarded(
    fake_api: FakeApi, receiver: Receiver, tmp_path: Path, query: str
) -> None:
    fake_api.signed_by = generate_secret()
    message = fake_api.publish()
    forward = ("--forward-to", receiver.url(), "--json", "--limit", 1)
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query, *forward) as listener:
        code = await listener.ended()

    (line,) = listener.lines
    (rejected,) = fake_api.inputs("webhookMessagesReject")
    assert (code, line["signature"], line["outcome"], line["forwarded"]) == (0, "BAD", "rejected", None)
    assert rejected["ids"] == [message]
    assert "could not verify the signature: no signature matches" in rejected["reason"]
    assert receiver.deliveries == []


async def test_a_thousand_messages_and_a_megabyte_pass(
    fake_api: FakeApi, receiver: Receiver, tmp_path: Path, query: str
) -> None:
    large = fake_api.publish(payload={"data": "ü" * 500_000})
    messages = [large, *(fake_api.publish() for _ in range(999))]
    given = ("--forward-to", receiver.url(), "--json", "--limit", 1_000)
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query, *given) as listener:
        code = await listener.ended()

    acknowledged = [one for given in fake_api.inputs("webhookMessagesAcknowledge") for one in given["ids"]]
    assert (code, acknowledged) == (0, messages)
    assert len(listener.lines) == len(receiver.deliveries) == 1_000
    posted = next(one for one in receiver.deliveries if one.headers["webhook-id"] == "event-1")
    assert posted.json["payload"]["data"] == "ü" * 500_000
    assert listener.lines[0]["body"] == posted.json


async def test_a_lease_that_has_ended_is_told(fake_api: FakeApi, tmp_path: Path, query: str) -> None:
    fake_api.expired.add(fake_api.publish())
    fake_api.publish()
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query, "--json", "--limit", 2) as listener:
        await listener.ended()

    assert [line["outcome"] for line in listener.lines] == ["expired", "acknowledged"]


async def test_the_second_signal_gives_up_what_the_endpoint_has_not_answered(
    fake_api: FakeApi, receiver: Receiver, tmp_path: Path, query: str
) -> None:
    asked, ended = asyncio.Event(), asyncio.Event()

    async def hang(_: Delivery) -> web.StreamResponse:
        asked.set()
        await ended.wait()
        return web.Response()

    receiver.answering = hang
    fake_api.publish()
    forward = ("--forward-to", receiver.url(), "--timeout", 30)
    async with listening(fake_api.url, "key", tmp_path, *TYPE, query, *forward) as listener:
        await asked.wait()
        listener.process.send_signal(signal.SIGINT)
        await listener.told("ending; once more ends it at once")
        code = await listener.stop()
    ended.set()

    (rejected,) = fake_api.inputs("webhookMessagesReject")
    assert (code, fake_api.webhooks) == (0, set())
    assert rejected["reason"].endswith("the listener was stopped")


async def test_a_webhook_that_is_posted_to_is_not_listened_to(fake_api: FakeApi, tmp_path: Path) -> None:
    fake_api.node = {"id": "x", "legacyId": 3, "type": "INVOICE", "eventNames": ["CREATE"], "delivery": "PUSH"}
    async with listening(fake_api.url, "key", tmp_path, "--webhook", 3) as listener:
        code = await listener.ended()

    assert code == 2
    assert "nobody can take them" in listener.err.read_text()
    assert [name for name, _ in fake_api.asked] == ["node"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--type", "INVOICE"), "--type needs --query"),
        ((), "Give either --webhook, or --type and --query."),
        (("--webhook", "3", "--type", "INVOICE"), "Give either --webhook, or --type and --query."),
        (("--webhook", "3", "--filter", "true"), "--filter can't be used with --webhook"),
        (("--webhook", "3", "--port", "9000"), "--port can't be used with --remote"),
        (("--webhook", "3", "--forward-to", "localhost"), "is no URL"),
        (("--type", "INVOICE", "--query", "no-such-file"), "no-such-file can't be read"),
        (
            ("--type", "INVOICE", "--query", "/dev/null", "--event-names", "sold"),
            "sold is none of create, update, destroy",
        ),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    given = ["listen", "--remote", "http://127.0.0.1:1", *arguments]
    done = run_command(given, environment("key", tmp_path))

    assert (done.returncode, done.stdout) == (2, "")
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_a_missing_key_and_an_address_without_an_api_are_told(tmp_path: Path) -> None:
    given = ["listen", "--remote", "http://127.0.0.1:1", "--webhook", "3"]
    without_key = run_command(given, environment("", tmp_path))
    without_api = run_command(given, environment("key", tmp_path))
    without_remote = run_command(["listen", "--webhook", "3"], environment("key", tmp_path))

    assert (without_key.returncode, without_api.returncode, without_remote.returncode) == (2, 3, 2)
    assert "The API key is missing" in without_key.stderr
    assert "http://127.0.0.1:1/graphql can't be reached: Connection refused." in without_api.stderr
    assert "--webhook can't be used without --remote" in " ".join(without_remote.stderr.replace("│", " ").split())
