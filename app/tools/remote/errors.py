"""The failures of requests to an installation elsewhere. Each has its own exit code."""

from typing import ClassVar

from app.errors import TellgraphError


class RemoteError(TellgraphError):
    """The API refused what was asked for. The message has its words."""

    code = "REMOTE"
    exit_code: ClassVar[int] = 1


class WrongRequest(RemoteError):
    """The API key is refused or may not do this, or an attribute is wrong: the same request would fail again."""

    exit_code = 2


class Unreachable(RemoteError):
    """Nothing answered at the URL, or it was no GraphQL API."""

    exit_code = 3
