"""Wrong API keys: remembered, so that they don't take a connection each time; counted and slowed for each address."""

import asyncio
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from app.auth.domain.api_key import hash_key
from app.errors import RateLimited
from app.kernel.size_bounded_cache import SizedCache

#: Wrong keys and addresses that are remembered.
_MAX_KEYS, _MAX_ADDRESSES = 10_000, 10_000
#: Seconds for which a key is known to be wrong without another look.
_WRONG_FOR_S = 10.0
#: Wrong keys that an address may send at once, and those that it regains per second.
_TRIES, _REGAINED_PER_S = 20.0, 1.0
#: Seconds that the answer to each further wrong key takes.
_SLOWED_S = 1.0
#: Answers that are held back for one address at the same time. Meanwhile its other unknown keys are refused.
_MAX_SLOWED = 50


@dataclass(slots=True)
class _Sender:
    """An address that has sent wrong keys. `tries` are left at the time `at`."""

    tries: float
    at: float
    slowed: int = 0


class WrongKeys:
    """Counts wrong keys by address. An address with right keys, which are looked up once, is not slowed."""

    def __init__(self) -> None:
        self._keys: SizedCache[bytes, float] = SizedCache(_MAX_KEYS)
        self._senders: SizedCache[str, _Sender] = SizedCache(_MAX_ADDRESSES)

    def is_wrong(self, key: str) -> bool:
        """Tell whether the key was found to be wrong a moment ago."""
        wrong_until = self._keys.find(hash_key(key))
        return wrong_until is not None and wrong_until > time.monotonic()

    def check(self, address: str | None) -> None:
        """Check that an address may send an unknown key. Raises RateLimited if too many answers are held back."""
        sender = self._senders.find(_network(address))
        if sender is not None and sender.slowed >= _MAX_SLOWED:
            raise RateLimited("Too many wrong API keys came from this address.", retry_after_s=_SLOWED_S)

    async def refuse(self, key: str, address: str | None) -> None:
        """Count a wrong key, and wait before it is answered if its address has sent many."""
        self._keys.keep(hash_key(key), time.monotonic() + _WRONG_FOR_S, 1)
        network, now = _network(address), time.monotonic()
        sender = self._senders.find(network)
        if sender is None:
            sender = _Sender(_TRIES, now)
            self._senders.keep(network, sender, 1)
        sender.tries = min(_TRIES, sender.tries + (now - sender.at) * _REGAINED_PER_S)
        sender.at = now
        if sender.tries >= 1:
            sender.tries -= 1
            return
        sender.slowed += 1
        try:
            await asyncio.sleep(_SLOWED_S)
        finally:
            sender.slowed -= 1


def _network(address: str | None) -> str:
    """Return what is counted as one sender: an IPv4 address, or an IPv6 network of 64 bits, as one customer has."""
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return address or ""
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return str(int(parsed) >> 64)
    return str(parsed)
