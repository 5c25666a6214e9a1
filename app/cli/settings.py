"""Read a command's settings, and say in a line for each what is wrong with them."""

import difflib
import os
import re
from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from app.auth.secret_key_form import FORM
from app.cli.messages import warn
from app.errors import TellgraphError
from app.settings import Settings, get_settings

PREFIX = "TELLGRAPH_"
#: Ends the name of a variable that names a file with the setting's value.
_FILE_SUFFIX = "_FILE"
#: Variables that are no settings: options', those of the tests, and what Kubernetes sets for a service of this name.
_NO_SETTINGS = re.compile(rf"{PREFIX}(LISTEN_SECRET$|KEY$|TEST_|LONG_|PLAN_|SERVICE_|PORT_\d+_)")
_OF_KUBERNETES = re.compile(r"(tcp|udp)://")
_SHOWN_CHARS = 60


class WrongSettings(TellgraphError):
    """Some settings are wrong or missing. The message has a line for each."""


def read_settings() -> Settings:
    """Read the settings, and warn of variables that are none. Raise WrongSettings, which tells all that is wrong."""
    for line in unknown_variables(os.environ):
        warn(line)
    if problems := settings_problems(os.environ):
        raise WrongSettings("\n".join(problems))
    return get_settings()


def settings_problems(environment: Mapping[str, str]) -> list[str]:
    """Return a line for each setting that is wrong or missing."""
    problems: dict[tuple[str, str], str] = {}
    try:
        Settings()
    except ValidationError as error:
        for one in error.errors():
            name = str(one["loc"][0])
            problems.setdefault((name, str(one["input"])), f"{variable(name)}{_problem(name, one)}")
    except TellgraphError as error:
        # A file that a `TELLGRAPH_…_FILE` names can't be read.
        problems["", ""] = error.message
    given = {name.upper().removesuffix(_FILE_SUFFIX) for name, value in environment.items() if value}
    return [*problems.values(), *_missing(given)]


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a line for each variable that looks like a setting and is none."""
    known = [variable(name) for name in Settings.model_fields]
    unknown = [
        name
        for name in sorted(environment)
        if (asked := name.upper()).startswith(PREFIX)
        and asked.removesuffix(_FILE_SUFFIX) not in known
        and not _NO_SETTINGS.match(asked)
    ]
    return [f"{name} is no setting, and is not read.{_suggestion(name.upper(), known)}" for name in unknown]


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"{PREFIX}{name.upper()}"


def _suggestion(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.removeprefix(PREFIX), [one.removeprefix(PREFIX) for one in known], n=1)
    return f" Did you mean {PREFIX}{near[0]}?" if near else ""


def _missing(given: set[str]) -> list[str]:
    database, redis, key = (variable(name) in given for name in ("database_url", "redis_url", "secret_key"))
    absent, present = ("REDIS_URL", "DATABASE_URL") if database else ("DATABASE_URL", "REDIS_URL")
    lines = []
    if database != redis:
        lines.append(f"{PREFIX}{absent} is missing: {PREFIX}{present} is set, and they are set together or not at all.")
    if database and not key:
        lines.append(f"{variable('secret_key')} is missing: with {variable('database_url')} it must be {FORM}.")
    return lines


def _problem(name: str, error: Any) -> str:
    """Return what follows the variable's name in the message about it."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ValueError):
        return f" {cause}." if str(cause).startswith("must ") else f": {cause}."
    value = str(error["input"])
    shown = repr(value if len(value) <= _SHOWN_CHARS else f"{value[:_SHOWN_CHARS]}…")
    hint = ""
    if _OF_KUBERNETES.match(value):
        hint = " Kubernetes sets it for a service named tellgraph: give the pod `enableServiceLinks: false`."
    return f": {shown} is not {allowed(Settings.model_fields[name])}.{hint}"


def allowed(field: FieldInfo) -> str:
    """Return the values that a setting may have, as in “a whole number from 0 to 65535”."""
    kinds = get_args(field.annotation) if isinstance(field.annotation, UnionType) else (field.annotation,)
    kind = kinds[0]
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if kind is bool:
        return "true or false"
    if kind in (int, float):
        return f"a {'whole number' if kind is int else 'number'}{_range(field)}"
    if get_origin(kind) is tuple:
        return "a whole number" if get_args(kind)[0] is int else "a network such as 10.0.0.0/8 or fd00::/8"
    return "a text"


def _range(field: FieldInfo) -> str:
    least = greatest = above = None
    for one in field.metadata:
        if isinstance(one, annotated_types.Ge):
            least = one.ge
        elif isinstance(one, annotated_types.Gt):
            above = one.gt
        elif isinstance(one, annotated_types.Le):
            greatest = one.le
    if above is not None:
        return f" above {above}" + (f" and at most {greatest}" if greatest is not None else "")
    if least is None:
        return ""
    return f" from {least} to {greatest}" if greatest is not None else f" of at least {least}"
