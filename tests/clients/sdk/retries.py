"""Ask a server that refuses at first; print the data, or the error."""

import os

from tellgraph_client import Tellgraph, TellgraphError

with Tellgraph(os.environ["GRAPHQL_URL"], "key", retries=int(os.environ["RETRIES"])) as client:
    try:
        print(client.order("1"))  # noqa: T201  # its answer
    except TellgraphError as error:
        print(type(error).__name__)  # noqa: T201  # its answer
