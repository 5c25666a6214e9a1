"""Show the progress of a run of workers: a replay or a reconcile."""

import asyncio

from rich.progress import Progress

from app.cli.servers import err
from app.cli.webhooks.operator import OperatorApi
from app.kernel.parsed_json import JsonObject

#: Seconds between two looks at the progress, and until the user is told that no worker has begun.
_LOOK_S, _NOT_BEGUN_S = 0.3, 10.0


async def follow_run(
    api: OperatorApi, run_id: str, type_name: str, *, count: int | None, fields: str = ""
) -> JsonObject:
    """Show the progress of a run until it has ended, and return it. Ctrl-C ends only the looking.

    Args:
        type_name: The GraphQL type of the run, such as WebhookReplay.
        count: The number of rows until a worker has counted them; None: it is not known.
        fields: More fields of the run to return.
    """
    document = f"query($id: ID!) {{ node(id: $id) {{ ... on {type_name} {{ state total done startedAt {fields} }} }} }}"
    loop = asyncio.get_running_loop()
    begun, is_told = loop.time(), False
    with Progress(console=err) as progress:
        task = progress.add_task(type_name.removeprefix("Webhook"), total=count)
        while True:
            run: JsonObject = (await api.ask(document, id=run_id))["node"]
            progress.update(task, completed=run["done"], total=run["total"] or count)
            if run["state"] != "RUNNING":
                return run
            if run["startedAt"] is None and not is_told and loop.time() > begun + _NOT_BEGUN_S:
                is_told = True
                err.print("No worker has begun yet: does `tellgraph worker` run? Ctrl-C stops only this waiting.")
            await asyncio.sleep(_LOOK_S)
