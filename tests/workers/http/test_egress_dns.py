"""POSTs to names that a hostile DNS server answers for: the owner of a name can change its addresses at any time."""

from ipaddress import ip_network

import pytest

from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.endpoints.endpoint import EgressRules, RefusedEndpoint, check_endpoint
from tests.support.dns_server import records
from tests.support.egress_scene import HOST, OPEN, OUTSIDE, Scene, connects_to
from tests.support.hostile import OK, HostileConnection, answering, hostile_server
from tests.support.posting import fail, send
from workers.http.egress import MAX_RECORDS, Egress, GuardedResolver
from workers.http.errors import detail
from workers.http.sockets import default_ssl_context, open_connector
from workers.http.transport import GuardedTransport

CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

UNREACHABLE = "The endpoint's name has no address that webhooks may reach."

# Each with the records of a name that somebody else owns.
INSIDE = [
    "127.0.0.1",
    "127.0.0.53",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "192.0.0.192",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:0:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b:1::7f00:1",
    "2001::7f00:1",
    "2002:7f00:1::",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", INSIDE)
async def test_name_of_an_inside_address_is_refused(scene: Scene, address: str) -> None:
    scene.dns.names[HOST] = [records(address)]

    error = await fail(scene.transport(), scene.url(HOST))

    assert (error.kind, error.message) == (ErrorKind.DNS, UNREACHABLE)
    assert f"{HOST!r} has the address " in detail(error)
    assert scene.dns.asked == [HOST]
    assert scene.nothing_arrived()


@pytest.mark.parametrize("address", [address for address in INSIDE if address != OUTSIDE])
@pytest.mark.parametrize("is_first", [False, True])
async def test_name_with_one_inside_address_is_refused_whole(scene: Scene, address: str, is_first: bool) -> None:
    both = [address, OUTSIDE] if is_first else [OUTSIDE, address]
    scene.dns.names[HOST] = [records(*both)]

    error = await fail(scene.transport(allowed=OPEN), scene.url(HOST))

    assert error.kind == ErrorKind.DNS
    assert scene.nothing_arrived()


async def test_name_of_an_open_address_is_reached(scene: Scene) -> None:
    scene.dns.names[HOST] = [records(OUTSIDE)]
    transport = scene.transport(allowed=OPEN)

    answer = await send(transport, scene.url(HOST))

    assert answer.status == 200
    assert scene.connects() == [OUTSIDE]
    assert scene.receiver.connections == 1


@pytest.mark.parametrize("chain", [["inside.example.net"], ["a.example.net", "b.example.net", "localhost"]])
async def test_alias_of_an_inside_name_is_refused(scene: Scene, chain: list[str]) -> None:
    scene.dns.names[HOST] = [records("10.0.0.1", through=chain)]

    error = await fail(scene.transport(allowed=OPEN), scene.url(HOST))

    assert error.kind == ErrorKind.DNS
    assert scene.nothing_arrived()


async def test_inside_address_after_hundreds_of_others_is_found(scene: Scene) -> None:
    many = [f"127.1.{place // 250}.{place % 250 + 1}" for place in range(400)]
    scene.dns.names[HOST] = [records(*many, "10.0.0.1")]

    error = await fail(scene.transport(allowed=(ip_network("127.0.0.0/8"),)), scene.url(HOST))

    assert error.kind == ErrorKind.DNS
    assert "10.0.0.1" in detail(error)
    assert "10.0.0.1" not in error.message
    assert scene.nothing_arrived()


async def test_of_hundreds_of_dead_addresses_a_few_are_tried(scene: Scene) -> None:
    many = [f"127.1.{place // 250}.{place % 250 + 1}" for place in range(400)]
    scene.dns.names[HOST] = [records(*many)]

    error = await fail(scene.transport(allowed=(ip_network("127.0.0.0/8"),)), scene.url(HOST))

    assert error.kind == ErrorKind.CONNECT
    assert len({*scene.connects()}) == MAX_RECORDS
    assert scene.receiver.connections == 0


async def test_name_that_turned_inside_after_it_was_saved_is_refused(scene: Scene) -> None:
    scene.dns.names[HOST] = [records("127.0.0.1")]
    url = check_endpoint(f"https://{HOST}:{scene.receiver.port}/", EgressRules()).url
    asked_when_saved = list(scene.dns.asked)
    transport = scene.transport()

    error = await fail(transport, url)

    assert error.kind == ErrorKind.DNS
    assert (asked_when_saved, scene.dns.asked) == ([], [HOST])
    assert scene.nothing_arrived()


async def test_name_that_turned_inside_between_attempts_is_refused(scene: Scene) -> None:
    scene.dns.names[HOST] = [records(OUTSIDE), records("10.0.0.1")]
    transport = scene.transport(allowed=OPEN)

    async with hostile_server(answering(OK)) as first:
        answer = await send(transport, f"http://{HOST}:{first.port}/")
    # Of another port: what was resolved is kept for some seconds for one name and port.
    error = await fail(transport, scene.url(HOST))

    assert answer.status == 200
    assert error.kind == ErrorKind.DNS
    assert scene.dns.asked == [HOST, HOST]
    assert scene.nothing_arrived()


async def test_name_that_changes_at_each_lookup_is_reached_only_where_it_was_checked(scene: Scene) -> None:
    scene.dns.names[HOST] = [records(OUTSIDE), records("127.0.0.2")]
    transport = scene.transport(allowed=OPEN)

    async with hostile_server(answering(CLOSING)) as receiver:
        answers = [await send(transport, f"http://{HOST}:{receiver.port}/") for _ in range(3)]

    # Three connections from one lookup, all to what was checked.
    assert [answer.status for answer in answers] == [200] * 3
    assert scene.dns.asked == [HOST]
    assert connects_to(receiver.port) == [OUTSIDE] * 3


async def reset_second_request(connection: HostileConnection) -> None:
    await connection.read_request()
    await connection.send(OK)
    await connection.read_request()
    connection.reset()


async def test_fresh_try_after_a_kept_connection_broke_asks_for_the_name_again(scene: Scene) -> None:
    scene.dns.names[HOST] = [records(OUTSIDE), records("127.0.0.2")]
    transport = scene.transport(allowed=OPEN)

    async with hostile_server(reset_second_request) as receiver:
        url = f"http://{HOST}:{receiver.port}/"
        answer = await send(transport, url)
        error = await fail(transport, url)

    assert (answer.status, error.kind) == (200, ErrorKind.DNS)
    assert scene.dns.asked == [HOST, HOST]
    assert connects_to(receiver.port) == [OUTSIDE]


async def test_name_that_turned_inside_and_back_is_judged_anew_each_time(scene: Scene) -> None:
    scene.dns.names[HOST] = [records("10.0.0.1"), records(OUTSIDE)]
    transport = scene.transport(allowed=OPEN)

    error = await fail(transport, scene.url(HOST))
    connects_before = scene.connects()
    answer = await send(transport, scene.url(HOST))

    assert (error.kind, connects_before) == (ErrorKind.DNS, [])
    assert (answer.status, scene.connects()) == (200, [OUTSIDE])


@pytest.mark.parametrize("address", [address for address in INSIDE if address != OUTSIDE])
async def test_address_that_gets_past_the_lookup_is_refused_when_connected(scene: Scene, address: str) -> None:
    # A lookup that lets everything through, as if the answer had changed after it was judged.
    names = scene.dns.client()
    resolver = GuardedResolver(names.look_up, Egress((ip_network("0.0.0.0/0"), ip_network("::/0"))))
    transport = GuardedTransport(
        lambda egress, is_fresh: open_connector(egress, default_ssl_context(), resolver, force_close=is_fresh),
        names,
        Egress(OPEN),
    )
    scene.transports.append(transport)
    scene.dns.names[HOST] = [records(address)]

    error = await fail(transport, scene.url(HOST))

    assert error.kind == ErrorKind.REFUSED_ADDRESS
    assert error.message == "The endpoint's address is not one that webhooks may reach."
    assert scene.nothing_arrived()


async def test_redirect_to_an_inside_name_is_not_even_looked_up(scene: Scene) -> None:
    location = f"HTTP/1.1 307 Go\r\nLocation: {scene.url('inside.example.com')}\r\nContent-Length: 0\r\n\r\n"
    scene.dns.names |= {HOST: [records(OUTSIDE)], "inside.example.com": [records(OUTSIDE)]}
    transport = scene.transport(allowed=OPEN)

    async with hostile_server(answering(location.encode())) as outer:
        answer = await send(transport, f"http://{HOST}:{outer.port}/")

    assert answer.status == 307
    assert scene.dns.asked == [HOST]
    assert scene.nothing_arrived()


@pytest.mark.parametrize("host", ["hooks.example.com.", "localhost.", "HOOKS.EXAMPLE.COM", "xn--bcher-kva.example"])
async def test_no_spelling_of_a_name_gets_past(scene: Scene, host: str) -> None:
    scene.dns.names[host.lower().removesuffix(".")] = [records("127.0.0.1", "127.0.0.2")]

    error = await fail(scene.transport(), scene.url(host))

    assert error.kind == ErrorKind.DNS
    assert scene.nothing_arrived()


async def test_international_name_is_looked_up_as_it_was_checked(scene: Scene) -> None:
    scene.dns.names["xn--bcher-kva.example"] = [records("127.0.0.1")]
    url = check_endpoint(f"https://bücher.example:{scene.receiver.port}/", EgressRules()).url
    transport = scene.transport()

    error = await fail(transport, url)

    assert error.kind == ErrorKind.DNS
    assert scene.dns.asked == ["xn--bcher-kva.example"]
    assert scene.nothing_arrived()


@pytest.mark.parametrize("host", ["127.0.0.1.", "１２７.0.0.1", "127。0。0。1", "ⓛocalhost.example"])
def test_spelling_that_a_resolver_would_map_is_refused_when_saved(host: str) -> None:
    with pytest.raises(RefusedEndpoint):
        check_endpoint(f"https://{host}/", EgressRules())
