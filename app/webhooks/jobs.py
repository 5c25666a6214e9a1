"""Jobs by name: whoever rings needs no job's code. Redis is a doorbell; losing it loses no event."""

import time
from enum import StrEnum

import orjson
from arq.connections import ArqRedis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.kernel.parsed_json import JsonObject

QUEUE = "tellgraph:queue"
#: A job that is queued for longer was lost with its worker, or runs: it needs its place in the queue no more.
_LEFT_AFTER_MS = 10_000


class Job(StrEnum):
    PUBLISH = "publish"
    DELIVER = "deliver"
    ADVANCE = "advance"


def serialize(job: JsonObject) -> bytes:
    """Write a job, or the outcome of one, as JSON. The error of a failed job becomes its text."""
    return orjson.dumps(job, default=repr)


def deserialize(data: bytes) -> JsonObject:
    """Read a job that arq has queued. Only its name and its time count, since no job here has arguments.

    arq's default is pickle, by which whoever writes to Redis runs any code in the worker.
    """
    job = orjson.loads(data)
    queued_ms = max(0, min(int(job["et"]), int(time.time() * 1000)))
    return {"f": str(job["f"]), "a": (), "k": {}, "t": None, "et": queued_ms}


def host_check(url: str) -> JsonObject:
    """Return the option of a client by which a certificate must be of this host as well, if `url` asks for TLS."""
    return {"ssl_check_hostname": True} if url.startswith("rediss:") else {}


def open_redis(url: str) -> ArqRedis:
    """Make a client, which connects at its first command. Whoever makes it closes it, also when that command fails.

    It outlives an outage of some seconds; arq's own worker ends at a lost connection. Not arq's `create_pool`:
    cancelled or failing, it drops a client that may be connected already.

    Args:
        url: `redis://…`, `rediss://…` or `unix://…`, with redis-py's options as parameters, such as `ssl_ca_certs`.
    """
    redis: ArqRedis = ArqRedis.from_url(
        url,
        socket_connect_timeout=1,
        retry=Retry(ExponentialBackoff(cap=1, base=0.05), 7),
        retry_on_error=[RedisConnectionError, RedisTimeoutError, OSError],
        encoding="utf8",
        **host_check(url),
    )
    redis.job_serializer, redis.job_deserializer = serialize, deserialize
    redis.default_queue_name = QUEUE
    return redis


async def enqueue(redis: ArqRedis, job: Job) -> None:
    """Ask any worker to run the job. Without a job id: one that is queued already must not swallow this one."""
    await redis.enqueue_job(job.value, _queue_name=QUEUE)


async def clear_left(redis: ArqRedis) -> int:
    """Take what killed workers have left out of the queue; who had asked for it asks again. Returns how much it was.

    arq passes over a job that its worker seems to have in hand, for minutes, and reads a hundred places of the queue,
    the oldest: so many left behind would keep everybody from what was asked for since.
    """
    return int(await redis.zremrangebyscore(QUEUE, "-inf", time.time() * 1000 - _LEFT_AFTER_MS))
