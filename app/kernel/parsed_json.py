"""The type of parsed JSON."""

from typing import Any, TypeAlias

#: A value that was parsed from JSON. Its reader knows what it holds, and type checkers can't check it.
ParsedJson: TypeAlias = Any
#: A JSON object, parsed or about to be written.
JsonObject: TypeAlias = dict[str, Any]
