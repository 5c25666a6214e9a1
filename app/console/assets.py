"""The bundle's files, under names that contain a hash of their content."""

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.console.policy import ASSET_POLICY, security_headers

# Not the machine's own table: there .js may be text/plain, which `nosniff` then refuses to run.
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
    ".wasm": "application/wasm",
    ".woff2": "font/woff2",
}


class ConsoleAssets(StaticFiles):
    """Serve one folder; a folder that is not there (no bundle built) answers 404 for every name."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, check_dir=False)

    async def check_config(self) -> None:
        """Accept a missing folder, which the base class answers with a 500."""

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
