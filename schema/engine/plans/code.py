"""Generated Python: the source of its functions, and the objects that they name."""

import time
from collections.abc import Iterable
from typing import Any

from schema.engine.plans.errors import BailOut, UnsupportedQuery


class Code:
    """Collects functions `f(r, g)` of a row and the plan's slots. `bail()` in them raises BailOut.

    Args:
        maximum: The most characters of source. More raise UnsupportedQuery: fragments can expand to any size.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self.characters = 0
        self.functions: list[str] = []
        self.names: dict[str, object] = {"bail": _bail}

    def name(self, kind: str, value: object) -> str:
        """Give a name to an object that the generated code calls or reads."""
        name = f"{kind}{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, body: Iterable[str]) -> str:
        """Define a function and return its name."""
        # Lets the thread run that serves requests meanwhile.
        time.sleep(0)
        name = f"f{len(self.names)}"
        self.names[name] = None
        self.functions.append("\n".join([f"def {name}(r, g):", *(f"    {line}" for line in body)]))
        self.characters += len(self.functions[-1])
        if self.characters > self._maximum:
            raise UnsupportedQuery("it is too large")
        return name

    def built(self) -> dict[str, Any]:
        """Compile the source and return all names, functions included.

        Functions are compiled one by one, because Python's compiler lets no other thread run.
        """
        for function in self.functions:
            time.sleep(0)
            exec(compile(function, "<plan>", "exec"), self.names)
        return self.names


def _bail() -> None:
    raise BailOut
