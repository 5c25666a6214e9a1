"""The rate limit of each API key: a bucket of cost points that refills all the time.

Redis holds the buckets, so that all processes share them. A request never waits for Redis: it looks at this process's
copy of the bucket, and what was spent is added up in Redis five times a second. So several processes may together spend
a fifth of a second's operations more than the bucket has.
"""

import asyncio
import contextlib
import time
from dataclasses import dataclass

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.auth.db.api_keys import ApiKeyId
from app.errors import RateLimited
from app.kernel.cancellation import cancel_tasks
from app.settings import Settings
from app.telemetry.metrics import RATE_UNSHARED
from app.webhooks.jobs import host_check

_log = structlog.get_logger()

#: Seconds between two exchanges with Redis, and those for which it is left alone after a failure.
_EXCHANGE_S, _REST_S = 0.2, 5.0
#: Seconds that an exchange with Redis may take.
_TIMEOUT_S = 1.0
#: Buckets in memory. Above this number, those that are full are dropped.
_MAX_BUCKETS = 10_000

#: Spends points of one bucket, and returns what is left. A bucket without an entry is full; one may be overspent.
_SPEND = """
local time = redis.call('time')
local now = time[1] + time[2] / 1000000
local size, refill, spent = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('hmget', KEYS[1], 'left', 'at')
local left, at = tonumber(kept[1]) or size, tonumber(kept[2]) or now
left = math.min(size, left + math.max(0, now - at) * refill) - spent
redis.call('hset', KEYS[1], 'left', left, 'at', now)
redis.call('pexpire', KEYS[1], math.ceil((size - left) / refill * 1000) + 1000)
return tostring(left)
"""


@dataclass(slots=True)
class _Bucket:
    """This process's copy of a bucket.

    Args:
        left: The points that were left at the time `at`, by the monotonic clock.
        unsent: Points that were spent here, and that Redis does not know of yet.
    """

    left: float
    at: float
    unsent: int = 0


class RateLimiter:
    """Spends the cost of operations from the buckets of their keys.

    While Redis is away, all operations pass, and what they cost is not remembered.
    """

    def __init__(self, settings: Settings) -> None:
        self.size, self.refill = settings.rate_bucket, settings.rate_refill
        self._url = settings.redis_url if self.size else None
        self._buckets: dict[ApiKeyId, _Bucket] = {}
        self._unsent: set[ApiKeyId] = set()
        self._spent = asyncio.Event()
        self._exchanging: asyncio.Task[None] | None = None
        self._is_away = False

    def check(self, key_id: ApiKeyId, cost: int) -> None:
        """Raise RateLimited if the bucket has fewer points. None are spent."""
        self._find(key_id, cost)

    def spend(self, key_id: ApiKeyId, cost: int) -> dict[str, object] | None:
        """Spend points, and return the bucket as `extensions.cost` shows it; None while there is no limit.

        Raises:
            RateLimited: The bucket has fewer points. None are spent.
        """
        bucket = self._find(key_id, cost)
        if bucket is None:
            return None
        bucket.left -= cost
        bucket.unsent += cost
        self._plan_exchange(key_id)
        return {"size": self.size, "left": int(bucket.left), "refillPerSecond": self.refill}

    def _find(self, key_id: ApiKeyId, cost: int) -> _Bucket | None:
        """Return a bucket that has so many points; None while there is no limit."""
        if self._url is None or self._is_away:
            return None
        now = time.monotonic()
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = self._buckets[key_id] = _Bucket(self.size, now)
        bucket.left = min(self.size, bucket.left + (now - bucket.at) * self.refill)
        bucket.at = now
        if bucket.left < cost:
            # Redis may know more: for example that it was emptied. And it may be away.
            self._plan_exchange(key_id)
            raise RateLimited(
                f"The operation costs {cost} points, and the bucket of this API key has {max(0, int(bucket.left))}."
                f" It refills by {self.refill} points per second. Send it again after `Retry-After` seconds.",
                retry_after_s=(cost - bucket.left) / self.refill,
            )
        return bucket

    def _plan_exchange(self, key_id: ApiKeyId) -> None:
        self._unsent.add(key_id)
        self._spent.set()
        if self._exchanging is None:
            self._exchanging = asyncio.create_task(self._exchange())

    async def close(self) -> None:
        """End the exchange with Redis. Points that it does not know of are lost."""
        if self._exchanging is not None:
            await cancel_tasks(self._exchanging)

    async def _exchange(self) -> None:
        """Tell Redis what was spent, as long as this process runs."""
        assert self._url is not None
        client = Redis.from_url(
            self._url,
            socket_timeout=_TIMEOUT_S,
            socket_connect_timeout=_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            **host_check(self._url),
        )
        async with client:
            while True:
                await self._spent.wait()
                await asyncio.sleep(_EXCHANGE_S)
                self._spent.clear()
                try:
                    await self._send(client)
                except (RedisError, OSError) as error:
                    await self._wait_for_redis(client, error)

    async def _send(self, client: "Redis") -> None:
        sent = [(key_id, self._buckets[key_id], self._buckets[key_id].unsent) for key_id in self._unsent]
        self._unsent.clear()
        script = client.register_script(_SPEND)
        async with client.pipeline(transaction=False) as pipeline:
            for key_id, _, spent in sent:
                await script(keys=[f"tellgraph:rate:{key_id}"], args=[self.size, self.refill, spent], client=pipeline)
            told = await pipeline.execute()
        now = time.monotonic()
        for (_, bucket, spent), left in zip(sent, told, strict=True):
            bucket.unsent -= spent
            bucket.left, bucket.at = float(left) - bucket.unsent, now
        self._drop_full(now)

    async def _wait_for_redis(self, client: "Redis", error: Exception) -> None:
        """Let all operations pass until Redis answers again."""
        _log.warning("rate_limit.redis_away", error=repr(error))
        self._is_away = True
        RATE_UNSHARED.set(1)
        self._buckets.clear()
        self._unsent.clear()
        while self._is_away:
            await asyncio.sleep(_REST_S)
            with contextlib.suppress(RedisError, OSError):
                await client.ping()
                self._is_away = False
        RATE_UNSHARED.set(0)
        _log.info("rate_limit.redis_back")

    def _drop_full(self, now: float) -> None:
        if len(self._buckets) > _MAX_BUCKETS:
            self._buckets = {
                key_id: bucket
                for key_id, bucket in self._buckets.items()
                if bucket.unsent or bucket.left + (now - bucket.at) * self.refill < self.size
            }
