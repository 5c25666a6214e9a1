"""Syntax errors of a filter in plain words: the parser's own name its grammar's tokens."""

import re

_ERROR = re.compile(r"^ERROR: <input>:(\d+):(\d+): (.*)$", re.MULTILINE)
_UNKNOWN = re.compile(r"token recognition error at: '(.*)'$")
_UNEXPECTED = re.compile(r"(?:mismatched|extraneous) input '(.+?)' expecting |no viable alternative at input '(.+)'$")
_MISSING = re.compile(r"missing '(.+)' at '(.+)'$")
_RESERVED = re.compile(r"reserved identifier: (\w+)$")
#: The parser names a half of an expression by this, before it says what is wrong with the other half.
_CONSEQUENCE = "Incomplete `"
_END = "<EOF>"
_MEANT = {"=": "==", "=>": ">=", "=<": "<=", "===": "==", "&": "&&", "|": "||", "and": "&&", "or": "||", "not": "!"}


def syntax_problem(message: str) -> str | None:
    """Return the first problem of a parser's message with its place; None if the message has another form."""
    found = _ERROR.findall(message.replace("Failed to parse expression", "\nFailed").replace(": ERROR:", "\nERROR:"))
    first = next((one for one in found if not one[2].startswith(_CONSEQUENCE)), None)
    if first is None:
        return None
    line, column, text = first
    return f"line {line}, column {column}: {_in_words(text.removeprefix('Syntax error: '))}"


def _in_words(text: str) -> str:
    if match := _UNKNOWN.match(text):
        token = match[1].strip()
        if token[:1] in ("'", '"'):
            return "the text that begins here has no end"
        return f"{token!r} is no operator{_suggestion(token)}"
    if match := _MISSING.match(text):
        return f"{match[1]!r} is missing"
    if match := _UNEXPECTED.match(text):
        token = match[1] or match[2]
        return "the expression ends too early" if token == _END else f"{token!r} can't stand here{_suggestion(token)}"
    if match := _RESERVED.match(text):
        return f"{match[1]!r} is a reserved word"
    return text


def _suggestion(token: str) -> str:
    return f". Did you mean {_MEANT[token]!r}?" if token in _MEANT else ""
