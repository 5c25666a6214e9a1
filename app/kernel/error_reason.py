"""The reason of an error, in a few words for a person."""

import os
import ssl

_MAX_CHARS = 300


def reason_of(error: BaseException | None) -> str:
    """Return why something failed, in one line: “Connection refused”, not a class and its arguments."""
    if error is None:
        return "it ended"
    text = str(error).strip()
    if isinstance(error, TimeoutError) and not text:
        return "it did not answer in time"
    if isinstance(error, ssl.SSLError):
        # Its number is OpenSSL's, and no errno.
        return text.split("\n")[0][:_MAX_CHARS].rstrip(".")
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        # The name of a file is worth showing; asyncio's text only repeats the address as a tuple.
        named = f": {error.filename}" if error.filename else ""
        return os.strerror(error.errno) + named
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return text.split("\n")[0][:_MAX_CHARS].rstrip(".") or type(error).__name__
