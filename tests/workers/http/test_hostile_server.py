"""The misbehaving server leaves nothing open, however early it is stopped."""

import asyncio
import socket

import pytest

from tests.support.hostile import hang, hostile_server


@pytest.mark.parametrize("turns", range(6))
async def test_connections_that_have_just_come_are_closed_with_the_server(turns: int) -> None:
    """In each turn of the event loop they are at another step; the run fails the test that leaves a socket."""
    async with hostile_server(hang) as server:
        clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        for _ in range(turns):
            await asyncio.sleep(0)

    for client in clients:
        client.settimeout(20)
        # Refused while nobody had accepted it, or ended.
        try:
            assert client.recv(1) == b""
        except ConnectionResetError:
            pass
        finally:
            client.close()
