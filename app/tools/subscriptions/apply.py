"""Make a server have the webhooks of a folder.

Each change names the `updatedAt` of the webhook that it was planned for, and a handle belongs to one webhook alone. So
whatever happens meanwhile, a change is refused rather than made twice or on top of another one. Then the folder is
compared anew. The same holds after an end halfway: the next run does the rest.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from app.kernel.parsed_json import JsonObject, ParsedJson
from app.tools.remote.api import RemoteApi, TooSoon
from app.tools.remote.errors import RemoteError, WrongRequest
from app.tools.subscriptions.definition import WrongFolder
from app.tools.subscriptions.plan import Action, ActionKind, Plan

#: Comparisons, until the changes of others are no longer waited for.
_ROUNDS: Final = 5
_SAVED: Final = "hmacKey warnings { field messages }"


async def apply_plan(
    api: RemoteApi,
    read: Callable[[], Awaitable[Plan]],
    *,
    digest: str | None,
    tell: Callable[[Action, JsonObject], None],
) -> int:
    """Do what a plan says, and return the number of changes.

    Args:
        read: Compares the folder with the server anew.
        digest: Of the plan that was approved; None: whatever is to be done.
        tell: Is called after each change with the answer.

    Raises:
        WrongFolder: The approved plan is stale. WrongRequest: The server refuses an attribute or the key.
    """
    count = 0
    for _ in range(_ROUNDS):
        plan = await read()
        if digest is not None and plan.digest() != digest:
            raise WrongFolder("The plan is stale: the server or the folder has changed since. Make a new one.")
        refused: RemoteError | None = None
        for action in plan.actions:
            try:
                answer = await _do(api, action)
            except (WrongRequest, TooSoon):
                raise
            except RemoteError as error:
                if digest is not None:
                    raise WrongFolder(f"The plan is stale: {action.handle}: {error.message}") from error
                refused = RemoteError(f"{action.handle}: {error.message}")
                continue
            count += 1
            tell(action, answer)
        if refused is None:
            return count
    raise refused or RemoteError("Others keep changing the same webhooks.")


async def _do(api: RemoteApi, action: Action) -> ParsedJson:
    try:
        if action.node is None:
            return await api.submit("webhookCreate", _SAVED, {"attributes": action.values})
        seen = {"webhookId": action.node["id"], "ifUpdatedAt": action.node["updatedAt"]}
        if action.kind is ActionKind.DELETE:
            return await api.submit("webhookDelete", "", seen)
        return await api.submit("webhookUpdate", _SAVED, {**seen, "attributes": action.values})
    except WrongRequest as error:
        raise WrongRequest(f"{action.handle}: {error.message}") from error
