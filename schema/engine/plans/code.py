"""Generated Python: source that grows, and the objects that it names."""

import time
from collections.abc import Iterable
from typing import Any

from schema.engine.plans.errors import BailOut, UnsupportedQuery


class Code:
    """Functions `f(r, g)` of a row and the plan's slots. `bail()` gives the result up.

    maximum  characters, above which UnsupportedQuery is raised: fragments can expand to any size.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self.characters = 0
        self.functions: list[str] = []
        self.names: dict[str, Any] = {"bail": _bail}

    def name(self, kind: str, value: Any) -> str:
        """A name for an object that the generated code calls or reads."""
        name = f"{kind}{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, body: Iterable[str]) -> str:
        """Define a function and return its name."""
        # Where requests are served meanwhile, their thread does not have to wait for its turn.
        time.sleep(0)
        name = f"f{len(self.names)}"
        self.names[name] = None
        self.functions.append("\n".join([f"def {name}(r, g):", *(f"    {line}" for line in body)]))
        self.characters += len(self.functions[-1])
        if self.characters > self._maximum:
            raise UnsupportedQuery("it is too large")
        return name

    def built(self) -> dict[str, Any]:
        """Run the source; the names, functions included.

        One function at a time: Python's compiler lets no other thread run.
        """
        for function in self.functions:
            time.sleep(0)
            exec(compile(function, "<plan>", "exec"), self.names)
        return self.names


def _bail() -> None:
    raise BailOut
