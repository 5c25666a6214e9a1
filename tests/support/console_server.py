"""The console's pages on a small GraphQL server, which knows two keys and keeps what it was asked for."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.console import console_routes, graphql_page

KEY = "tgk_right"
SELLERS_KEY = "tgk_sellers_of_lamps"
SECRET = "whsec_bm90IGluIGxvY2FsU3RvcmFnZQ=="

#: Names and variables of operations, in their order.
Asked = list[tuple[str | None, dict[str, object] | None]]


@strawberry.type
class Shipment:
    tracking_number: str


@strawberry.type
class LineItem:
    quantity: int
    advert_title: str
    variant_sku: str


@strawberry.type
class Invoice:
    id: strawberry.ID
    status_flags: list[str]
    total_formatted: str
    line_items: list[LineItem]
    shipments: list[Shipment]


@strawberry.type
class InvoiceConnection:
    nodes: list[Invoice]


INVOICE = Invoice(
    id=strawberry.ID("SW52b2ljZS0x"),
    status_flags=["PAID"],
    total_formatted="$12.50",
    line_items=[LineItem(quantity=2, advert_title="Lamp", variant_sku="LAMP-1")],
    shipments=[Shipment(tracking_number="TRACK-7")],
)


@strawberry.type
class Seller:
    business_name: str


@strawberry.type
class APIKeyPrincipal:
    type: str
    seller: Seller | None


OWNERS = {
    KEY: APIKeyPrincipal(type="OPERATOR", seller=None),
    SELLERS_KEY: APIKeyPrincipal(type="SELLER", seller=Seller(business_name="Lamps & Co")),
}
#: What the whole schema would answer to the examples about webhooks, which the small one lacks.
ANSWERS = {
    "RegisterAWebhook": {"webhookCreate": {"webhook": {"id": "V2ViaG9vay03"}, "hmacKey": SECRET}},
    "LookAtItsEvents": {"webhookEvents": {"nodes": []}},
}


@strawberry.type
class Query:
    @strawberry.field
    def invoices(self, first: int) -> InvoiceConnection:
        return InvoiceConnection(nodes=[INVOICE][:first])

    @strawberry.field
    def api_key_principal(self, info: strawberry.Info[str, None]) -> APIKeyPrincipal:
        return OWNERS[info.context]


SCHEMA = strawberry.Schema(Query)


async def answer(request: Request) -> Response:
    if request.method == "GET":
        return graphql_page()
    key = request.headers.get("authorization", "").removeprefix("Bearer ")
    if key not in OWNERS:
        error = {"message": "This API key is unknown.", "extensions": {"code": "UNAUTHENTICATED"}}
        return JSONResponse({"errors": [error]}, status_code=401)
    body = await request.json()
    name, variables = body.get("operationName"), body.get("variables")
    request.app.state.asked.append((name, variables))
    if name is not None and f" {name}" not in body["query"]:
        return JSONResponse({"errors": [{"message": "Unknown operation."}]}, status_code=400)
    if name in ANSWERS:
        return JSONResponse({"data": ANSWERS[name]})
    result = await SCHEMA.execute(body["query"], variables, operation_name=name, context_value=key)
    errors = {"errors": [error.formatted for error in result.errors]} if result.errors else {}
    return JSONResponse({"data": result.data, **errors})


@asynccontextmanager
async def serve_console(asked: Asked) -> AsyncIterator[str]:
    app = Starlette(routes=[Route("/graphql", answer, methods=["GET", "POST"]), *console_routes()])
    app.state.asked = asked
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    listener = socket.create_server(("127.0.0.1", 0))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()
