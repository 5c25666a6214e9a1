"""Jobs by name: whoever rings needs no job's code. Redis is a doorbell; losing it loses no event."""

import time
from enum import StrEnum

from arq.connections import ArqRedis, RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

QUEUE = "tellgraph:queue"
#: A job that is queued for longer was lost with its worker, or runs: it needs its place in the queue no more.
_LEFT_AFTER_MS = 10_000


class Job(StrEnum):
    PUBLISH = "publish"
    DELIVER = "deliver"
    ADVANCE = "advance"


def redis_settings(url: str) -> RedisSettings:
    """Settings of a connection that outlives an outage of some seconds; arq's own worker dies of a lost one."""
    settings = RedisSettings.from_dsn(url)
    # The client's own tries are enough: arq's, on top of them, would take half a minute to give up.
    settings.conn_retries = 0
    settings.retry = Retry(ExponentialBackoff(cap=1, base=0.05), 7)
    settings.retry_on_error = [RedisConnectionError, RedisTimeoutError, OSError]
    return settings


def open_redis(url: str) -> ArqRedis:
    """Make a client, which connects at its first command. Whoever makes it closes it, also when that command fails.

    Not arq's `create_pool`: cancelled or failing, it drops a client that may be connected already.
    """
    settings = redis_settings(url)
    return ArqRedis(
        host=settings.host,
        port=settings.port,
        unix_socket_path=settings.unix_socket_path,
        db=settings.database,
        username=settings.username,
        password=settings.password,
        ssl=settings.ssl,
        socket_connect_timeout=settings.conn_timeout,
        retry=settings.retry,
        retry_on_error=settings.retry_on_error,
        encoding="utf8",
        default_queue_name=QUEUE,
    )


async def enqueue(redis: ArqRedis, job: Job) -> None:
    """Ask any worker to run the job. Without a job id: one that is queued already must not swallow this one."""
    await redis.enqueue_job(job.value, _queue_name=QUEUE)


async def clear_left(redis: ArqRedis) -> int:
    """Take what killed workers have left out of the queue; who had asked for it asks again. Returns how much it was.

    arq passes over a job that its worker seems to have in hand, for minutes, and reads a hundred places of the queue,
    the oldest: so many left behind would keep everybody from what was asked for since.
    """
    return int(await redis.zremrangebyscore(QUEUE, "-inf", time.time() * 1000 - _LEFT_AFTER_MS))
