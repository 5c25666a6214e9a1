"""A webhook as a folder defines it. What is left out is the default of a new webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.kernel.parsed_json import ParsedJson
from app.tools.remote.errors import RemoteError

#: The settings of webhooks.toml with their names in the API, in the order of the file, and their defaults. Of those
#: whose default is None the API takes null.
SETTINGS: Final[Mapping[str, tuple[str, ParsedJson]]] = {
    "url": ("url", None),
    "description": ("description", None),
    "event_names": ("eventNames", None),
    "triggers": ("triggers", []),
    "filter": ("filter", None),
    "enabled": ("enabled", True),
    "allow_skip": ("allowSkip", True),
    "every_change": ("everyChange", False),
    "include_previous": ("includePrevious", False),
    "signature_schemes": ("signatureSchemes", ["HMAC"]),
    "max_retries": ("maxRetries", 25),
    "concurrent_send_limit": ("concurrentSendLimit", 100),
    "rate_limit": ("rateLimit", None),
    "timeout_seconds": ("timeoutSeconds", 15),
    "reconcile_every_hours": ("reconcileEveryHours", None),
}
#: A webhook that somebody or Tellgraph has disabled is left so, unless the folder says otherwise.
UNMANAGED_IF_ABSENT: Final = frozenset({"enabled"})


class WrongFolder(RemoteError):
    """The folder can't be read, or what it says can't be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """One webhook of a folder.

    Attributes:
        query: The text of the stored query; blank: the default one.
        settings: By their names in webhooks.toml, without those that are left out.
        headers: The values as the file has them, with `${NAME}` for each variable of the environment.
        hmac_key: The signing secret of a new webhook, in the same form; None: the server makes one.
        renamed_from: Its former handle; None: it had no other.
        query_file: The name of the query's file.
    """

    handle: str
    type: str
    delivery: str = "PUSH"
    query: str = ""
    query_file: str
    settings: Mapping[str, ParsedJson] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    hmac_key: str | None = None
    renamed_from: str | None = None

    def wanted(self, name: str) -> ParsedJson:
        """Return the value of a setting, or its default."""
        if name in self.settings:
            return self.settings[name]
        return default_of(name, self.type)


def default_of(name: str, klass: str) -> ParsedJson:
    """Return the value of a setting that is left out, for a type of webhook."""
    if name == "event_names":
        return ["CREATE"] if klass == "OPERATIONAL_EVENT" else ["CREATE", "UPDATE", "DESTROY"]
    return SETTINGS[name][1]
