"""The errors of this package. All are a `TellgraphError`."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorItem:
    """An error of one field or of the whole request. `code` is one of the documentation's list."""

    message: str
    code: str
    path: Sequence[str | int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One field of a mutation's input is wrong; `messages` say why."""

    field: str
    messages: Sequence[str]


class TellgraphError(Exception):
    """The base of all errors of this package."""


class TransportError(TellgraphError):
    """There was no answer, or one that is not GraphQL's. Nothing is known of what the server did.

    Attributes:
        status: The HTTP status; None without an answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class GraphQLError(TellgraphError):
    """The server answered with errors. `data` holds what it could tell all the same."""

    def __init__(self, errors: Sequence[ErrorItem], data: object, status: int) -> None:
        super().__init__("\n".join(f"{error.code}: {error.message}" for error in errors))
        self.errors, self.data, self.status = errors, data, status

    @property
    def codes(self) -> list[str]:
        """The codes, as the documentation lists them."""
        return [error.code for error in self.errors]


class PayloadError(TellgraphError):
    """A mutation was refused, and nothing has changed. `status` is 403, 404, 409, 422 or 429."""

    def __init__(self, mutation: str, status: int, errors: Sequence[FieldError]) -> None:
        told = "; ".join(f"{error.field}: {', '.join(error.messages)}" for error in errors)
        super().__init__(f"{mutation}: {status}. {told}")
        self.mutation, self.status, self.errors = mutation, status, errors


class VerificationError(TellgraphError):
    """A delivery is forged, altered, or older than five minutes. Answer 401."""
