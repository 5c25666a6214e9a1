// Print the kinds of operational events, and whether each is one that this version does not know.
import { OperationalEventsDocument, Tellgraph } from "@tellgraph/client";

const client = new Tellgraph({ url: process.env.GRAPHQL_URL!, key: "key" });
for await (const { kind } of client.each(OperationalEventsDocument, {})) {
  const known: Record<typeof kind, true> = {
    DISABLED: true, EXHAUSTED: true, FAILING: true, PUBLISH_FAILED: true, RECOVERED: true,
  };
  console.log(kind, !(kind in known));
}
