"""Why a connection has failed, in a few words."""

import httpx

from app.kernel.error_reason import reason_of


def reason_of_transport(error: httpx.TransportError) -> str:
    """Return the reason of a failed request: the system's own if there is one below httpx's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno is not None:
            return reason_of(cause)
        cause = cause.__cause__ or cause.__context__
    return "it did not answer in time" if isinstance(error, httpx.TimeoutException) else reason_of(error)
