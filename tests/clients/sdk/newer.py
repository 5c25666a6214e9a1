"""Print the kinds of operational events, and whether each is the one that this version does not know."""

import json
import os

from tellgraph_client import Tellgraph, graphql

with Tellgraph(os.environ["GRAPHQL_URL"], "key") as client:
    for event in client.each(client.operational_events):
        is_new = event.kind == "RAIN" and event.kind not in set(graphql.OperationalEventKindEnum)
        print(event.model_dump(mode="json")["kind"], json.dumps(is_new))  # noqa: T201  # its answer
