"""AuditEntry: one change, and who has made it."""

from datetime import datetime

import orjson
import strawberry
from strawberry.scalars import JSON

from app.auth.db.audit_entries import AUDIT_ENTRIES
from app.auth.viewers import Scope
from schema.entities import global_ids
from schema.entities.fields import column, computed, entity, global_id
from schema.entities.relations import relation
from schema.types.catalogue.seller import Seller
from schema.types.node import Node


@entity(
    AUDIT_ENTRIES,
    scope=Scope.AUDIT,
    description="One change, and who has made it. It was recorded in the transaction of the change: what failed has no"
    " entry, and a request that is repeated under its `Idempotency-Key` has one.",
)
class AuditEntry(Node):
    id: strawberry.ID = global_id("AuditEntry")
    recorded_at: datetime = column("When the change was made.")
    actor: str = column(
        "Who has made it: `operator` or `seller:<number>`, by an API key; `command line`; `tellgraph` itself;"
        " `database`, by SQL."
    )
    api_key_id: strawberry.ID | None = computed(
        lambda row: None if row.api_key_id is None else global_ids.encode("ApiKey", row.api_key_id),
        reads=("api_key_id",),
        description="Global id of the API key.",
    )
    api_key_name: str | None = column("The name of the API key at that time.")
    action: str = column(
        "The mutation, as in `webhookUpdate`, or the command, as in `keys create`. `webhook.insert`, `webhook.update`"
        " or `webhook.delete` of a webhook that was changed by neither."
    )
    entity_type: str | None = column("Type of what was changed, as in `Webhook`.")
    entity_id: strawberry.ID | None = computed(
        lambda row: None if row.entity_id is None else global_ids.encode(row.entity_type, row.entity_id),
        reads=("entity_type", "entity_id"),
        description="Global id of what was changed; null if it was nothing that has one.",
    )
    fields: list[str] = column(
        "The fields of the input that were given, as in `attributes.url`; of no field its value."
    )
    changes: JSON = computed(
        lambda row: orjson.loads(row.changes),
        reads=("changes",),
        description="Of a webhook: the settings that have changed, each with `field`, `old` and `new`. `headers` and"
        " `secrets` have `field` alone. Empty of all else: `fields` says what was given.",
    )
    address: str | None = column("The client's address, as the server sees it.")
    request_id: str | None = column("The `X-Request-Id` of the request; the log has it, too.")
    seller: Seller | None = relation(
        AUDIT_ENTRIES.seller_id,
        description="The seller that sees the entry: the API key's or, of a webhook that was changed without one, its"
        " owner. null: the operator alone sees it.",
    )
