"""Run operations of the API in the command's own process, as the operator, on the database of the settings."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from databases import Database

from app.auth.viewers import Viewer
from app.cli.database import check_database
from app.cli.servers import run, servers, url_of
from app.db.keyset import MAX_PAGE_SIZE
from app.db.pool import connection, create_database
from app.errors import TellgraphError
from app.kernel.parsed_json import ParsedJson
from app.settings import Settings
from app.telemetry.logs import configure_logging
from schema import schema
from schema.engine.context import Context
from schema.engine.loaders import Loaders
from schema.engine.reader import Reader
from schema.errors import format_error

T = TypeVar("T")
_OPERATOR = Viewer(None, is_command=True)


@dataclass(frozen=True, slots=True)
class OperatorApi:
    """The API for the operator, without HTTP: the same operations, checks and refusals."""

    database: Database
    settings: Settings

    async def ask(self, document: str, **variables: object) -> ParsedJson:
        """Return the data of an operation.

        Raises:
            TellgraphError: A part of it failed.
        """
        async with connection(self.database) as conn:
            reader = Reader(conn)
            context = Context(
                viewer=_OPERATOR,
                reader=reader,
                loaders=Loaders(reader, _OPERATOR),
                settings=self.settings,
                database=self.database,
            )
            result = await schema.execute(document, variable_values=variables, context_value=context)
        if result.errors:
            raise TellgraphError(
                "\n".join(dict.fromkeys(str(format_error(error)["message"]) for error in result.errors))
            )
        return result.data

    async def change(self, mutation: str, selection: str, **values: object) -> ParsedJson:
        """Return the payload of a mutation.

        Args:
            selection: The fields of the payload that are wanted.
            values: The input.

        Raises:
            TellgraphError: It was refused.
        """
        input_type = f"{mutation[0].upper()}{mutation[1:]}MutationInput"
        document = (
            f"mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ errors {{ messages }} {selection} }} }}"
        )
        payload = (await self.ask(document, input=values))[mutation]
        if payload["errors"]:
            raise TellgraphError(" ".join(message for error in payload["errors"] for message in error["messages"]))
        return payload

    async def rows(
        self, document: str, limit: int, **variables: object
    ) -> AsyncIterator[Mapping[str, ParsedJson] | None]:
        """Return the nodes of a connection, page by page; at the end None, if there are more than `limit`.

        Args:
            document: Takes `$first` and `$after`, and selects one connection.
        """
        after, left = None, limit
        while left > 0:
            data = await self.ask(document, first=min(left, MAX_PAGE_SIZE), after=after, **variables)
            (page,) = data.values()
            for node in page["nodes"]:
                yield node
            left -= len(page["nodes"])
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]
        yield None


def run_as_operator(act: Callable[[OperatorApi], Awaitable[T]]) -> T:
    """Act on the database of the settings, which this version must be able to work on."""

    async def acting(settings: Settings) -> T:
        async with create_database(url_of(settings), pool_size=2) as database:
            return await act(OperatorApi(database, settings))

    with servers() as settings:
        # Standard output is the command's own. Below a warning, the log would only repeat it.
        configure_logging(settings.model_copy(update={"log_level": "warning", "log_format": "console"}))
        check_database(url_of(settings))
        return run(acting(settings))
