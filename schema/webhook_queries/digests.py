"""`webhookDigests`: what a webhook's receiver should have, as digests, page by page."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated

import strawberry

from app.auth.viewers import Scope
from app.db.keyset import BY_ID, slice_of
from app.webhooks.db.webhooks import WEBHOOKS
from app.webhooks.db.webhooks import Webhook as WebhookRow
from schema.engine.context import Info
from schema.entities import global_ids
from schema.entities.connections import PageInfo, make_connection

_RESOURCE = "webhookDigests"
#: Of $1 webhook and $2 entity type: what it was given and is not known to be destroyed.
_GIVEN = """
from webhook_given where webhook_id = $1 and entity_type = $2 and (event_name <> 'destroy' or payload_digest is null)
"""


@strawberry.type(description="What a webhook's receiver should have of one entity.")
class WebhookDigest:
    id: strawberry.Private[int]
    entity_id: strawberry.ID = strawberry.field(description="Global id of the entity.")
    digest: str | None = strawberry.field(
        description="SHA-256, in hexadecimal, of the payload that was confirmed last: `Tellgraph-Digest` of its"
        " delivery. null when it is not known whether the last one has arrived."
    )
    sequence: Decimal = strawberry.field(
        description="`sequence` of that delivery. If you have a higher one, yours is newer: it is not noted here yet."
    )


@strawberry.type(description="A page of what a webhook's receiver should have, by entity id.")
class WebhookDigestPage:
    nodes: list[WebhookDigest] = strawberry.field(description="The entities of the page.")
    page_info: PageInfo = strawberry.field(description="Where this page lies in the whole list.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many entities there are. Counted only when selected.")
    async def total_count(self) -> int:
        return await self.count()


async def webhook_digests(
    info: Info,
    webhook_id: Annotated[strawberry.ID, strawberry.argument(description="The webhook's global id.")],
    first: Annotated[
        int | None, strawberry.argument(description="Number of entities, at most 500. 50 by default.")
    ] = None,
    after: Annotated[str | None, strawberry.argument(description="Cursor after which the page begins.")] = None,
) -> WebhookDigestPage | None:
    context = info.context
    context.viewer.require(Scope.WEBHOOKS)
    part = slice_of(_RESOURCE, BY_ID, first=first, after=after)
    await context.turn()
    key = global_ids.key_of(webhook_id, "Webhook", field="webhookId")
    webhook: WebhookRow | None = await context.loaders.by_id(WEBHOOKS, key)
    if webhook is None:
        return None
    entity_type = webhook.type.entity_type
    position = None if part.cursor is None else part.cursor[1]
    records = await context.reader.fetch(
        f"select entity_id, payload_digest, webhook_event_id {_GIVEN} and ($3::bigint is null or entity_id > $3)"
        " order by entity_id limit $4",
        webhook.id,
        entity_type,
        position,
        part.size + 1,
    )
    rows = [
        WebhookDigest(
            id=record["entity_id"],
            entity_id=strawberry.ID(global_ids.encode(entity_type, record["entity_id"])),
            digest=None if record["payload_digest"] is None else record["payload_digest"].hex(),
            sequence=Decimal(record["webhook_event_id"]),
        )
        for record in records
    ]

    async def count() -> int:
        return int((await context.reader.fetch(f"select count(*) as n {_GIVEN}", webhook.id, entity_type))[0]["n"])

    page = make_connection(rows, part, BY_ID, _RESOURCE, count)
    return WebhookDigestPage(nodes=page.nodes, page_info=page.page_info, count=count)
