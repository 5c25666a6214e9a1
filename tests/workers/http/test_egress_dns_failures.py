"""POSTs to names without an answer, with a forged one or a late one, beside POSTs to other names."""

import asyncio
import threading

import dns.rcode
import pytest

from app.webhooks.domain.attempt import ErrorKind
from tests.support.dns_server import Reply, failure, garbage, records, silence, spoofed
from tests.support.egress_scene import HOST, OPEN, OUTSIDE, Scene
from tests.support.posting import fail, send
from tests.support.waiting import until


@pytest.mark.parametrize(
    "reply",
    [
        failure(dns.rcode.NXDOMAIN),
        failure(dns.rcode.SERVFAIL),
        failure(dns.rcode.REFUSED),
        records(),
        records(through=["nowhere.example.net"]),
        records(through=[HOST]),
        garbage,
        silence,
        spoofed(OUTSIDE, None),
    ],
    ids=["nxdomain", "servfail", "refused", "no-records", "dangling", "loop", "garbage", "silence", "forged"],
)
async def test_name_without_answer_is_a_dns_failure(scene: Scene, reply: Reply) -> None:
    scene.dns.names[HOST] = [reply]

    error = await fail(scene.transport(allowed=OPEN, tries=1), scene.url(HOST))

    assert error.kind == ErrorKind.DNS
    assert scene.nothing_arrived()


async def test_forged_answer_changes_nothing(scene: Scene) -> None:
    scene.dns.names[HOST] = [spoofed("10.0.0.1", OUTSIDE)]
    transport = scene.transport(allowed=OPEN)

    answer = await send(transport, scene.url(HOST))

    assert answer.status == 200
    assert scene.connects() == [OUTSIDE]


async def test_silent_name_ends_at_the_deadline(scene: Scene) -> None:
    scene.dns.names[HOST] = [silence]
    transport = scene.transport(allowed=OPEN)

    error = await fail(transport, scene.url(HOST), timeout_s=0.1)

    assert error.kind == ErrorKind.TIMEOUT
    assert error.message == "The endpoint did not answer within 0.1 s."
    assert scene.nothing_arrived()


@pytest.mark.parametrize("form", ["hooks.silent{}.net", "silent{}.example.net"], ids=["domains", "one-domain"])
async def test_silent_names_delay_no_other(scene: Scene, form: str) -> None:
    hosts = [form.format(number) for number in range(150)]
    scene.dns.names |= {host: [silence] for host in hosts} | {HOST: [records(OUTSIDE)]}
    transport = scene.transport(allowed=OPEN)
    threads = threading.active_count()

    silent = [asyncio.ensure_future(fail(transport, scene.url(host), timeout_s=20)) for host in hosts]

    async def many_asked() -> bool:
        # Not all: a burst of packets loses some, which are sent again after seconds.
        return len({*scene.dns.asked}) > 64

    await until(many_asked)
    answer = await send(transport, scene.url(HOST))
    ended = [task.done() for task in silent]
    for task in silent:
        task.cancel()
    await asyncio.gather(*silent, return_exceptions=True)

    assert answer.status == 200
    assert ended == [False] * len(hosts)
    assert threading.active_count() == threads


async def test_attempts_at_one_silent_name_share_a_lookup(scene: Scene) -> None:
    scene.dns.names[HOST] = [silence]
    transport = scene.transport(allowed=OPEN)

    errors = [await fail(transport, scene.url(HOST), timeout_s=0.02) for _ in range(10)]

    assert {error.kind for error in errors} == {ErrorKind.TIMEOUT}
    assert scene.dns.asked == [HOST]
