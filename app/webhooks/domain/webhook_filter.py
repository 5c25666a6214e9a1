"""A webhook's filter: an expression that decides whether a rendered result is sent. Pure.

Source: the Common Expression Language (CEL), with its standard functions and macros.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from app.kernel.parsed_json import JsonObject, ParsedJson
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass

if TYPE_CHECKING:
    from cel import Program

MAX_CHARACTERS: Final = 2_000
MAX_NESTING: Final = 20
FALSE: Final = "The filter is false."
FAILED: Final = "The filter failed: "
_MAX_MESSAGE_CHARS = 300

#: What an expression can read; and names of types, as in `type(data.node.total) == int`.
ROOTS: Final = frozenset({"event", "data"})
_TYPES = frozenset({"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"})
_MACROS = ("all", "exists", "exists_one", "existsOne", "filter", "map")
_FUNCTIONS = frozenset(
    (
        *_MACROS,
        *("bytes", "contains", "double", "duration", "dyn", "endsWith", "has", "int", "matches", "size"),
        *("startsWith", "string", "timestamp", "type", "uint"),
        *("getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear", "getFullYear", "getHours", "getMilliseconds"),
        *("getMinutes", "getMonth", "getSeconds"),
    )
)
_OPERATOR = re.compile(r"[^A-Za-z]")
# Strings and comments: a bracket or a name inside of them is none.
_TEXT = re.compile(
    r'[rRbB]{0,2}(?:"""(?:\\.|[^\\])*?"""|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\')|//[^\n]*',
    re.DOTALL,
)
_BOUND = re.compile(rf"\.\s*(?:{'|'.join(_MACROS)})\s*\(\s*([A-Za-z_]\w*)\s*,(?:\s*([A-Za-z_]\w*)\s*,)?")

#: Syntax errors get plain words: the parser's own name the tokens of its grammar.
_SYNTAX_ERROR = re.compile(r"^ERROR: <input>:(\d+):(\d+): (.*)$", re.MULTILINE)
_UNKNOWN_TOKEN = re.compile(r"token recognition error at: '(.*)'$")
_UNEXPECTED_TOKEN = re.compile(
    r"(?:mismatched|extraneous) input '(.+?)' expecting |no viable alternative at input '(.+)'$"
)
_MISSING_TOKEN = re.compile(r"missing '(.+)' at '(.+)'$")
_RESERVED_WORD = re.compile(r"reserved identifier: (\w+)$")
#: The parser names a half of an expression by this, before it says what is wrong with the other half.
_CONSEQUENCE = "Incomplete `"
_END_OF_TEXT = "<EOF>"
_MEANT = {"=": "==", "=>": ">=", "=<": "<=", "===": "==", "&": "&&", "|": "||", "and": "&&", "or": "||", "not": "!"}


class FilterError(Exception):
    """The expression can't be evaluated, or its value is no boolean."""


def reads_event(text: str) -> bool:
    """Return whether an expression may read `event`. Then it judges changes, and not the state of an entity."""
    return re.search(r"\bevent\b", _TEXT.sub(" ", text)) is not None


def check_filter(text: str) -> list[str]:
    """Return the problems of an expression, for its author; empty when it can be used.

    This compiles the expression, as `compile_filter` does, and discards the result.
    """
    if len(text) > MAX_CHARACTERS:
        return [f"has {len(text)} characters; at most {MAX_CHARACTERS} are allowed"]
    if "\0" in text:
        return ["must not contain NUL characters"]
    bare = _TEXT.sub(" ", text)
    if _nesting(bare) > MAX_NESTING:
        return [f"nests deeper than {MAX_NESTING} brackets"]
    try:
        references = compile_filter(text).references()
    except FilterError as error:
        return [str(error)]
    bound = {name for names in _BOUND.findall(bare) for name in names if name}
    unknown = sorted(set(references["variables"]) - ROOTS - _TYPES - bound)
    functions = sorted(name for name in references["functions"] if not _OPERATOR.search(name))
    missing = [name for name in functions if name not in _FUNCTIONS]
    return [
        *(f"{name} is unknown; what can be read is event and data" for name in unknown),
        *(f"{name}() is no function of the expression language" for name in missing),
    ]


def evaluate(program: "Program", event: Mapping[str, ParsedJson], data: ParsedJson) -> bool:
    """Return the value of a compiled expression for one event (`event_of`) and the rendered `data`.

    It has no time limit here: app/webhooks/cel/filters.py sets one.

    Raises:
        FilterError: It can't be evaluated, or its value is no boolean.
    """
    try:
        value = program.execute({"event": event, "data": data})
    except Exception as error:
        raise FilterError(_shown(error)) from error
    if not isinstance(value, bool):
        raise FilterError(f"its value is no boolean but {type(value).__name__}")
    return value


def event_of(
    klass: WebhookKlass, name: WebhookEventName, entity_id: str, changed: Mapping[str, ParsedJson]
) -> JsonObject:
    """Build the `event` that an expression reads. `entity_id` is the global id, `changed` that of the notification."""
    return {
        "name": name.value.lower(),
        "type": f"{klass.value.lower()}.{name.value.lower()}",
        "entity": {"type": klass.entity_type, "id": entity_id},
        "changed": {"cut": False, **changed},
    }


def compile_filter(text: str) -> "Program":
    """Compile an expression. It takes up to 0.05 s, in which no other thread runs. Raise FilterError."""
    # Imported here, because the package imports a whole command line: a fifth of a second at each start.
    import cel

    try:
        return cel.compile(text)
    except Exception as error:
        raise FilterError(_syntax_problem(str(error)) or _shown(error)) from error


def _shown(error: Exception) -> str:
    """Return the first useful line of an error, without the expression itself."""
    message = error.args[0] if error.args else type(error).__name__
    if isinstance(error, KeyError):
        return f"there is no {message!r}; has(…) tells whether there is"
    text = re.sub(r"^Failed to parse expression .*?: ERROR: ", "", str(message), flags=re.DOTALL)
    return text.strip().split("\n")[0].replace("<input>:", "line ")[:_MAX_MESSAGE_CHARS]


def _syntax_problem(message: str) -> str | None:
    """Return the first problem of a parser's message with its place; None if the message has another form."""
    found = _SYNTAX_ERROR.findall(
        message.replace("Failed to parse expression", "\nFailed").replace(": ERROR:", "\nERROR:")
    )
    first = next((one for one in found if not one[2].startswith(_CONSEQUENCE)), None)
    if first is None:
        return None
    line, column, text = first
    return f"line {line}, column {column}: {_in_words(text.removeprefix('Syntax error: '))}"


def _in_words(text: str) -> str:
    if match := _UNKNOWN_TOKEN.match(text):
        token = match[1].strip()
        if token[:1] in ("'", '"'):
            return "the text that begins here has no end"
        return f"{token!r} is no operator{_suggestion(token)}"
    if match := _MISSING_TOKEN.match(text):
        return f"{match[1]!r} is missing"
    if match := _UNEXPECTED_TOKEN.match(text):
        token = match[1] or match[2]
        return (
            "the expression ends too early"
            if token == _END_OF_TEXT
            else f"{token!r} can't stand here{_suggestion(token)}"
        )
    if match := _RESERVED_WORD.match(text):
        return f"{match[1]!r} is a reserved word"
    return text


def _suggestion(token: str) -> str:
    return f". Did you mean {_MEANT[token]!r}?" if token in _MEANT else ""


def _nesting(bare: str) -> int:
    depth = deepest = 0
    for character in bare:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest
