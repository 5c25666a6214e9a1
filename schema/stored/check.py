"""The check of webhooks against a schema: before it is deployed, and when a process starts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog
from databases import Database
from graphql import GraphQLError, GraphQLSchema, build_schema

from app.auth.viewers import Viewer
from app.db.pool import DATABASE_ERRORS, Connection, connection
from app.errors import InvalidInput
from app.kernel.cancellation import cancel_tasks
from app.webhooks.db import webhooks
from app.webhooks.db.webhooks import Subscription, Webhook
from app.webhooks.domain.broken_webhook import BrokenWebhook, CheckReport
from app.webhooks.domain.webhook_filter import check_filter
from app.webhooks.services.webhook_klasses import possible_event_names
from schema.stored.filter_types import check_filter_types
from schema.stored.triggers import check_triggers
from schema.stored.validate import stored_query

_log = structlog.get_logger()


def problem_of(
    schema: GraphQLSchema, webhook: Subscription, filter_problems: Sequence[str] | None = None
) -> str | None:
    """Return why a webhook does not work with a schema; None if it works.

    Args:
        filter_problems: The problems of its filter. None: the filter is compiled here, which blocks all other threads.
    """
    if webhook.type.entity_type not in schema.type_map:
        return f"The schema has no type {webhook.type.entity_type}."
    try:
        query = stored_query(schema, webhook.query_string, webhook.type)
    except InvalidInput as error:
        return error.message.removeprefix("attributes.")
    owner = Viewer(webhook.seller_id)
    problems = check_triggers(schema, owner, webhook.type.entity_type, webhook.triggers)
    if filter_problems is None:
        filter_problems = [] if webhook.filter is None else check_filter(webhook.filter)
    if webhook.filter is not None and not filter_problems:
        filter_problems = check_filter_types(
            schema, query, webhook.type, webhook.filter, possible_event_names(webhook.type)
        ).problems
    if filter_problems:
        problems["attributes.filter"] = [*filter_problems]
    return (
        "; ".join(f"{path.removeprefix('attributes.')}: {'; '.join(found)}" for path, found in problems.items()) or None
    )


async def check_all(conn: Connection, schema: GraphQLSchema) -> CheckReport:
    """Check every webhook, also disabled ones, against a schema. Nothing is changed."""
    count, broken, after = 0, [], 0
    while page := await webhooks.list_webhooks(conn, after=after):
        after = page[-1].id
        count += len(page)
        broken += [_broken(webhook, reason) for webhook in page if (reason := problem_of(schema, webhook))]
    return CheckReport(count=count, broken=broken)


async def mark_all(database: Database, schema: GraphQLSchema) -> None:
    """Log and mark the webhooks that don't fit the schema of this process, and unmark those that fit again.

    Other tasks may run after each webhook. If the database fails, the check ends; the next start repeats it.
    """
    after = 0
    try:
        while True:
            async with connection(database) as conn:
                page = await webhooks.list_webhooks(conn, after=after)
            if not page:
                return
            for webhook in page:
                await _mark(database, schema, webhook)
            after = page[-1].id
    except DATABASE_ERRORS as error:
        _log.warning("webhook.check_failed", error=repr(error))


@asynccontextmanager
async def background_marking(database: Database, schema: GraphQLSchema) -> AsyncIterator[None]:
    """Run `mark_all` in the background, because thousands of webhooks take seconds."""
    task = asyncio.create_task(mark_all(database, schema))
    try:
        yield
    finally:
        await cancel_tasks(task)


async def _mark(database: Database, schema: GraphQLSchema, webhook: Webhook) -> None:
    reason = problem_of(schema, webhook)
    if reason is not None:
        _log.warning("webhook.broken", webhook_id=webhook.id, reason=reason)
    if reason != webhook.broken_reason:
        async with connection(database) as conn:
            await webhooks.set_broken_reason(conn, webhook, reason)
    await asyncio.sleep(0)


def schema_of(sdl: str) -> GraphQLSchema:
    """Parse a schema. Raises InvalidInput."""
    try:
        return build_schema(sdl)
    except (GraphQLError, TypeError, RecursionError) as error:
        raise InvalidInput(f"This is not a GraphQL schema: {error}") from error


def _broken(webhook: Webhook, reason: str) -> BrokenWebhook:
    return BrokenWebhook(
        id=webhook.id,
        type=webhook.type.value,
        seller=webhook.seller_id,
        enabled=webhook.is_enabled,
        description=webhook.description,
        message=reason,
    )
