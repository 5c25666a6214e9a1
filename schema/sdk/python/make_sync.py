"""Make the form without `await` of the files in aio/ and of the generated client."""

import shutil
from pathlib import Path

from unasync import Rule, unasync_files

PACKAGE = Path(__file__).parent / "tellgraph_client"
NAMES = {"aio": "sync", "aclose": "close", "asyncio": "time", "AsyncClient": "Client", "async_client": "sync_client"}

made, client = PACKAGE / "sync", PACKAGE / "graphql" / "async_client.py"
shutil.rmtree(made, ignore_errors=True)
shutil.copy(client, PACKAGE / "aio" / "sync_client.py")
rule = Rule("/aio/", "/sync/", additional_replacements={**NAMES, "AsyncTellgraph": "Tellgraph"})
unasync_files([str(path) for path in (PACKAGE / "aio").glob("*.py")], [rule])
(PACKAGE / "aio" / "sync_client.py").unlink()
shutil.move(made / "sync_client.py", client.with_name("sync_client.py"))
