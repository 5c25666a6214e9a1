"""The served site that the browser's tests and the pictures look at."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from redis.asyncio import Redis

from tests.console.story import Story, tell_story
from tests.support.database import cloned_database
from tests.support.platform import running_platform, settings_for
from tests.support.receiver import running_receiver
from tests.support.servers import DATABASE_VARIABLE, REDIS_VARIABLE, TEMPLATE_VARIABLE, worker_redis_url


@asynccontextmanager
async def running_site() -> AsyncIterator[Story]:
    """Run API, worker and receiver on a new database of the run's servers, and tell the story."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(
            cloned_database(os.environ[DATABASE_VARIABLE], os.environ[TEMPLATE_VARIABLE])
        )
        redis_url = worker_redis_url(os.environ[REDIS_VARIABLE])
        async with Redis.from_url(redis_url) as client:
            await client.flushdb()
        receiver = await stack.enter_async_context(running_receiver())
        platform = await stack.enter_async_context(running_platform(settings_for(database, redis_url)))
        yield await tell_story(platform, receiver)
