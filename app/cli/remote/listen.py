"""`tellgraph listen`: print what a webhook is sent, received here or taken from an installation elsewhere."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from app.cli.remote.options import Key, Remote, exit_codes, needed_key, say, text_of, words
from app.cli.servers import run
from app.cli.values import row_id
from app.tools.listening.deliveries import Delivery, VerifyingKeys, verifying_keys
from app.tools.listening.printing import json_line, show
from app.tools.listening.receiver import running_receiver, wait_for_delivery
from app.tools.remote.api import RemoteApi, remote_api
from app.tools.remote.forwarding import Forwarder, forwarder
from app.tools.remote.listener import HandledMessage, Listener, Outcome
from app.tools.remote.messages import MessageSource, PullWebhook, find_webhook, temporary_webhook
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from schema.entities import global_ids

#: Seconds after the signal to end, beyond those that an endpoint may take, for telling the API what has arrived.
_END_S = 10
_HERE, _THERE = "On this machine", "From an installation elsewhere (--remote)"
_ONLY_THERE = ("key", "webhook", "klass", "query", "event_names", "triggers", "filter", "forward_to", "timeout")
_ONLY_HERE = ("port", "status", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """The form in which deliveries are printed."""

    console: Console
    is_json: bool
    with_headers: bool

    def delivery(self, delivery: Delivery) -> None:
        if self.is_json:
            typer.echo(json_line(delivery))
        else:
            show(delivery, self.console, with_headers=self.with_headers)

    def handled(self, handled: HandledMessage) -> None:
        answer = handled.answer
        if self.is_json:
            forwarded = answer and {"status": answer.status, "durationMs": answer.duration_ms, "answer": answer.text}
            typer.echo(json_line(handled.delivery, outcome=handled.outcome, forwarded=forwarded))
            return
        show(handled.delivery, self.console, with_headers=self.with_headers)
        if answer is not None or handled.outcome is not Outcome.ACKNOWLEDGED:
            self.console.print(_outcome(handled), soft_wrap=True)


def listen(
    context: typer.Context,
    remote: Remote = None,
    key: Key = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            metavar="WEBHOOK", help="Number or global id of a PULL webhook to listen to.", rich_help_panel=_THERE
        ),
    ] = None,
    klass: Annotated[
        WebhookKlass | None,
        typer.Option(
            "--type", case_sensitive=False, help="Listen to a webhook made for this command.", rich_help_panel=_THERE
        ),
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="FILE", help="Its stored query; -: standard input.", rich_help_panel=_THERE)
    ] = None,
    event_names: Annotated[
        list[str] | None, typer.Option(metavar="create,update,destroy", help="Absent: all.", rich_help_panel=_THERE)
    ] = None,
    triggers: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATHS",
            help="Paths of which an update has to change one, as in status,lineItems.",
            rich_help_panel=_THERE,
        ),
    ] = None,
    filter: Annotated[
        str | None, typer.Option(metavar="CEL", help="As in: data.node.totalCents > 10000", rich_help_panel=_THERE)
    ] = None,
    forward_to: Annotated[
        str | None,
        typer.Option(metavar="URL", help="POST what arrives to this endpoint, too.", rich_help_panel=_THERE),
    ] = None,
    timeout: Annotated[
        int, typer.Option(min=1, max=30, help="Seconds that the endpoint may take.", rich_help_panel=_THERE)
    ] = 15,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.", rich_help_panel=_HERE)] = 0,
    status: Annotated[
        int, typer.Option(min=200, max=599, help="What every POST is answered with.", rich_help_panel=_HERE)
    ] = 200,
    path: Annotated[str, typer.Option(help="Path of the endpoint.", rich_help_panel=_HERE)] = "/",
    secret: Annotated[
        list[str] | None,
        typer.Option(envvar="TELLGRAPH_LISTEN_SECRET", help="whsec_… or whpk_…, repeatable; absent: no check."),
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    headers: Annotated[bool, typer.Option("--headers/--no-headers", help="Print the headers, too.")] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
) -> None:
    """Receive webhooks and print them: on this machine, or with --remote from an installation elsewhere.

    With --remote, messages are taken with the API key alone: no public address is needed, and no signing secret.
    A webhook that is made for the command is deleted when it ends.

    \b
    tellgraph listen --port 9000 --secret whsec_…
    export TELLGRAPH_KEY=…
    tellgraph listen --remote https://shop.example.com --type invoice --query invoice.graphql
    tellgraph listen --remote https://shop.example.com --type order --query - --event-names create < order.graphql
    tellgraph listen --remote https://shop.example.com --webhook 3 --forward-to http://localhost:8080/webhooks
    tellgraph listen --remote https://shop.example.com --webhook 3 --json --limit 10 | jq .body.payload

    \b
    Exit codes: 0 ended by Ctrl-C, SIGTERM or --limit; 1 refused, such as a webhook that is deleted;
    2 wrong options, key or query; 3 nothing answers at the URL.
    """
    _check_options(context, remote)
    printing = Printing(console=Console(highlight=False), is_json=is_json, with_headers=headers)
    if remote is None:
        _listen_here(
            printing, verifying_keys(secret or ()), port=port, path=f"/{path.lstrip('/')}", status=status, limit=limit
        )
        return
    attributes = None if klass is None else _attributes(klass, query, event_names, triggers, filter)
    webhook_id = None if webhook is None else global_ids.encode("Webhook", row_id(webhook, "Webhook"))
    with exit_codes():
        run(
            _listen_there(
                printing,
                remote,
                needed_key(key),
                choose=lambda api: _chosen(api, webhook_id, attributes),
                secrets=secret or [],
                forward_to=forward_to,
                timeout_s=timeout,
                limit=limit,
            )
        )


def _check_options(context: typer.Context, remote: str | None) -> None:
    """Refuse options that do not go together. Raises UsageError."""
    given = {
        name
        for name in context.params
        if (source := context.get_parameter_source(name)) is not None and source.name == "COMMANDLINE"
    }
    shown = {"klass": "--type", "forward_to": "--forward-to", "event_names": "--event-names"}
    if wrong := sorted(given.intersection(_ONLY_THERE if remote is None else _ONLY_HERE)):
        names = ", ".join(shown.get(name, f"--{name}") for name in wrong)
        raise typer.BadParameter(f"{names} can't be used {'without' if remote is None else 'with'} --remote.")
    if remote is None:
        return
    if ("webhook" in given) == ("klass" in given):
        raise typer.BadParameter("Give either --webhook, or --type and --query.")
    only = {"query", "event_names", "triggers", "filter"} & given
    if "webhook" in given and only:
        raise typer.BadParameter(
            f"{', '.join(shown.get(name, f'--{name}') for name in sorted(only))} can't be used with --webhook."
        )
    if "klass" in given and "query" not in given:
        raise typer.BadParameter(
            "--type needs --query: a file with a query such as"
            " query($id: ID!) { node(id: $id) { ... on Invoice { legacyId statusFlags } } }"
        )


def _attributes(
    klass: WebhookKlass,
    query: str | None,
    event_names: list[str] | None,
    triggers: list[str] | None,
    filter: str | None,
) -> dict[str, object]:
    """Return the attributes of the webhook that is made for the command."""
    assert query is not None, "it was checked"
    given: dict[str, object] = {"type": klass.value, "queryString": text_of(query), "description": "tellgraph listen"}
    if (names := words(event_names)) is not None:
        if unknown := [name for name in names if name.upper() not in WebhookEventName.__members__]:
            raise typer.BadParameter(f"--event-names: {', '.join(unknown)} is none of create, update, destroy.")
        given["eventNames"] = [name.upper() for name in names]
    if (paths := words(triggers)) is not None:
        given["triggers"] = paths
    if filter is not None:
        given["filter"] = filter
    return given


def _listen_here(
    printing: Printing, keys: VerifyingKeys, *, port: int, path: str, status: int, limit: int | None
) -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    receiver = running_receiver(keys=keys, port=port, path=path, status=status)
    with suppress(KeyboardInterrupt), receiver as (url, arrived):
        listening = f"listening on {url}, answering {status}"
        if printing.is_json:
            say(listening)
        else:
            printing.console.print(listening, markup=False, soft_wrap=True)
        say("Webhooks reach this machine only where the worker has TELLGRAPH_EGRESS_ALLOW=127.0.0.0/8;")
        say("those of a seller, with TELLGRAPH_EGRESS_ALLOW_SELLERS=127.0.0.0/8.")
        printed = 0
        while printed != limit:
            printing.delivery(wait_for_delivery(arrived))
            printed += 1


async def _listen_there(
    printing: Printing,
    url: str,
    key: str,
    *,
    choose: Callable[[RemoteApi], AbstractAsyncContextManager[PullWebhook]],
    secrets: list[str],
    forward_to: str | None,
    timeout_s: int,
    limit: int | None,
) -> None:
    stopping, hurrying = asyncio.Event(), asyncio.Event()
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(remote_api(url, key, say, option="--remote"))
        endpoint = await _endpoint(stack, forward_to, timeout_s, hurrying)
        _on_signals(api, stopping, hurrying, timeout_s=timeout_s if endpoint else 0)
        webhook = await stack.enter_async_context(choose(api))
        keys = verifying_keys([webhook.secret] if webhook.secret else secrets)
        what = f"{webhook.type} ({', '.join(webhook.event_names)})"
        say(f"connected to {api.url}: webhook {webhook.number}, {what}. Ctrl-C ends it.")
        await Listener(
            source=MessageSource(api=api, webhook=webhook),
            keys=keys,
            forwarder=endpoint,
            report=printing.handled,
            limit=limit,
            stopping=stopping,
        ).run()


async def _endpoint(
    stack: AsyncExitStack, url: str | None, timeout_s: int, hurrying: asyncio.Event
) -> Forwarder | None:
    if url is None:
        return None
    return await stack.enter_async_context(forwarder(url, timeout_s=timeout_s, hurrying=hurrying))


@asynccontextmanager
async def _chosen(
    api: RemoteApi, webhook_id: str | None, attributes: dict[str, object] | None
) -> AsyncIterator[PullWebhook]:
    if attributes is None:
        assert webhook_id is not None, "one of both is given"
        yield await find_webhook(api, webhook_id)
        return
    async with temporary_webhook(api, attributes) as webhook:
        say(f"webhook {webhook.number} is made for this command, and deleted at its end")
        yield webhook


def _on_signals(api: RemoteApi, stopping: asyncio.Event, hurrying: asyncio.Event, *, timeout_s: int) -> None:
    """Let the first signal end the listener when the endpoint has answered, and the second one at once."""

    def end() -> None:
        if stopping.is_set():
            hurrying.set()
            api.end_within(_END_S)
            return
        stopping.set()
        api.end_within(timeout_s + _END_S)
        say("ending; once more ends it at once" if timeout_s else "ending")

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)


def _outcome(handled: HandledMessage) -> Text:
    answer = handled.answer
    parts: list[str | tuple[str, str]] = ["  → "]
    if answer is not None:
        parts.append(f"{answer.status or 'no answer'} in {answer.duration_ms} ms, ")
    style = {Outcome.ACKNOWLEDGED: "green", Outcome.REJECTED: "bold red", Outcome.EXPIRED: "yellow"}[handled.outcome]
    parts.append((handled.outcome, style))
    if handled.outcome is Outcome.EXPIRED:
        parts.append(": its lease had ended, so it comes again")
    elif answer is not None and not answer.is_success:
        told = "".join(one if one.isprintable() else " " for one in answer.text)
        parts.append(f": {told}. It comes again." if told else ". It comes again.")
    return Text.assemble(*parts, "\n")
