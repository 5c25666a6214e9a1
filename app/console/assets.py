"""The bundle's files, under names that contain a hash of their content."""

import asyncio
import gzip
import os
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path

import brotli
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.console.policy import ASSET_POLICY, security_headers
from app.http.negotiation import content_coding

# Not the machine's own table: there .js may be text/plain, which `nosniff` then refuses to run.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}
#: By the coding's name, the better first. Each file is compressed once, so it may take its time.
CODINGS: Mapping[str, Callable[[bytes], bytes]] = {"br": partial(brotli.compress, quality=9), "gzip": gzip.compress}
#: Files that are kept compressed: more than the bundle has.
_KEPT = 400


@lru_cache(_KEPT)
def _compressed(path: str, modified_at: str, coding: str) -> bytes:
    """Return a file in a coding. `modified_at` tells another file of the same name apart."""
    return CODINGS[coding](Path(path).read_bytes())


class ConsoleAssets(StaticFiles):
    """Serve one folder; a folder that is not there (no bundle built) answers 404 for every name."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, check_dir=False)

    async def check_config(self) -> None:
        """Accept a missing folder, which the base class answers with a 500."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Give a file in the best coding that the client accepts."""
        response = await super().get_response(path, scope)
        headers = Headers(scope=scope)
        is_whole = isinstance(response, FileResponse) and response.status_code == 200 and "range" not in headers
        if not is_whole or Path(path).suffix in (".woff2", ".ttf"):
            return response
        assert isinstance(response, FileResponse)
        coding = content_coding(headers.get("accept-encoding", ""), tuple(CODINGS))
        response.headers["Vary"] = "Accept-Encoding"
        if coding is None or scope["method"] == "HEAD":
            return response
        modified_at = response.headers["last-modified"]
        body = await asyncio.to_thread(_compressed, str(response.path), modified_at, coding)
        kept = {name: text for name, text in response.headers.items() if name not in ("content-length", "etag")}
        return Response(body, headers={**kept, "content-encoding": coding})

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        suffix = Path(full_path).suffix
        response.headers["Content-Type"] = MEDIA_TYPES.get(suffix, "application/octet-stream")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers.update(security_headers(ASSET_POLICY))
        return response
