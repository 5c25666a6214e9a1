import { attributesOf, entityOf, TYPES, type Draft } from './draft';

/** What the texts below are about: the webhook, and whose receiver is written. */
export type Made = Readonly<{ draft: Draft; webhookId: string; secret: string | null }>;

const api = () => `${location.origin}/graphql`;

const TAKE = `mutation($id: ID!) { webhookMessagesTake(input: {webhookId: $id, first: 100, waitSeconds: 30}) {
  messages { id body headers { name value } } } }`;
const ACKNOWLEDGE = `mutation($id: ID!, $ids: [ID!]!) {
  webhookMessagesAcknowledge(input: {webhookId: $id, ids: $ids}) { expiredIds } }`;

/** The port of an address on this machine; elsewhere something stands before the receiver. */
function portOf(url: string): number {
  return Number(URL.canParse(url) ? new URL(url).port : '') || 9000;
}

const variablesOf = ({ draft, webhookId, secret }: Made) =>
  draft.delivery === 'PUSH'
    ? `SECRET=${secret ?? 'whsec_…'}`
    : `SECRET=${secret ?? 'whsec_…'} KEY=tgk_… WEBHOOK=${webhookId} GRAPHQL_URL=${api()}`;

/** The type of the body, as `payloadTypes` of the API names it. */
const bodyOf = ({ draft }: Made) => `${entityOf(draft.type)}Webhook`;

/** A receiver in TypeScript, for node. It has the types in payload.ts beside it. */
export function typescriptOf(made: Made): string {
  const body = bodyOf(made);
  const head = `// npm install standardwebhooks tsx @types/node
// ${variablesOf(made)} npx tsx receiver.ts
`;
  if (made.draft.delivery === 'PUSH') {
    return `${head}import { createServer } from "node:http";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import type { ${body} } from "./payload.js";

const webhook = new Webhook(process.env.SECRET!);

createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  try {
    const headers = request.headers as Record<string, string>;
    const event = webhook.verify(Buffer.concat(parts), headers) as ${body};
    console.log(event.type, event.sequence, event.payload.data?.node);
    response.writeHead(204).end(); // from now on it is yours: answer first, work afterwards
  } catch (error) {
    response.writeHead(error instanceof WebhookVerificationError ? 401 : 500).end();
  }
}).listen(${portOf(made.draft.url)});
`;
  }
  return `${head}import { Webhook } from "standardwebhooks";
import type { ${body} } from "./payload.js";

const { SECRET, GRAPHQL_URL, KEY, WEBHOOK } = process.env;
const webhook = new Webhook(SECRET!);
const TAKE = \`${TAKE}\`;
const ACKNOWLEDGE = \`${ACKNOWLEDGE}\`;
type Message = { id: string; body: string; headers: { name: string; value: string }[] };

async function run(query: string, variables: object): Promise<any> {
  const headers = { "Content-Type": "application/json", Authorization: \`Bearer \${KEY}\` };
  const body = JSON.stringify({ query, variables: { id: WEBHOOK, ...variables } });
  return (await (await fetch(GRAPHQL_URL!, { method: "POST", headers, body })).json()).data;
}

for (;;) {
  for (const { id, body, headers } of (await run(TAKE, {})).webhookMessagesTake.messages as Message[]) {
    const signed = Object.fromEntries(headers.map((one) => [one.name, one.value]));
    const event = webhook.verify(body, signed) as ${body};
    console.log(event.type, event.sequence, event.payload.data?.node);
    await run(ACKNOWLEDGE, { ids: [id] });
  }
}
`;
}

/** A receiver in Python. It has the models in payload.py beside it. */
export function pythonOf(made: Made): string {
  const body = bodyOf(made);
  const packages = made.draft.delivery === 'PUSH' ? 'standardwebhooks pydantic' : 'standardwebhooks pydantic httpx';
  const head = `# pip install ${packages}
# ${variablesOf(made)} python receiver.py
`;
  if (made.draft.delivery === 'PUSH') {
    return `${head}import os
from http.server import BaseHTTPRequestHandler, HTTPServer

from payload import ${body}
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook(os.environ["SECRET"])


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            event = ${body}.model_validate(webhook.verify(body, dict(self.headers)))
        except WebhookVerificationError as error:
            return self.send_error(401, str(error))
        print(event.type, event.sequence, event.payload.data, flush=True)
        self.send_response(204)  # from now on it is yours: answer first, work afterwards
        self.end_headers()


HTTPServer(("", ${portOf(made.draft.url)}), Receiver).serve_forever()
`;
  }
  return `${head}import os

import httpx
from payload import ${body}
from standardwebhooks import Webhook

webhook = Webhook(os.environ["SECRET"])
TAKE = """${TAKE}"""
ACKNOWLEDGE = """${ACKNOWLEDGE}"""
client = httpx.Client(headers={"Authorization": f"Bearer {os.environ['KEY']}"}, timeout=60)


def run(document: str, **variables: object) -> dict:
    asked = {"query": document, "variables": {"id": os.environ["WEBHOOK"], **variables}}
    return client.post(os.environ["GRAPHQL_URL"], json=asked).raise_for_status().json()["data"]


while True:
    for message in run(TAKE)["webhookMessagesTake"]["messages"]:
        headers = {one["name"]: one["value"] for one in message["headers"]}
        event = ${body}.model_validate(webhook.verify(message["body"], headers))
        print(event.type, event.sequence, event.payload.data, flush=True)
        run(ACKNOWLEDGE, ids=[message["id"]])
`;
}

const CREATE = `mutation($attributes: WebhookCreateAttributes!) {
  webhookCreate(input: { attributes: $attributes }) {
    hmacKey
    errors { field messages }
    webhook { id }
  }
}`;

/** The mutation that creates the same webhook, with its variables. */
export function mutationOf({ draft }: Made): string {
  return `${CREATE}\n\n# Variables\n${JSON.stringify({ attributes: shown(draft) }, null, 2)}\n`;
}

/** The same as a command. A quote inside of the text ends the shell's own, so that it is written as \`'\\''\`. */
export function curlOf({ draft }: Made): string {
  const body = JSON.stringify({ query: CREATE, variables: { attributes: shown(draft) } }, null, 2);
  return `curl ${api()} \\
  --header "Authorization: Bearer $KEY" --header 'Content-Type: application/json' \\
  --data '${body.replaceAll("'", "'\\''")}'
`;
}

/**
 * The same as files of a folder that `tellgraph webhooks apply` takes. A value in TOML is written as in JSON.
 * The webhook that is here already has no handle; with this one it is theirs.
 */
export function filesOf({ draft, webhookId }: Made): { name: string; text: string }[] {
  const handle = TYPES[draft.type].toLowerCase().replaceAll(' ', '-');
  // The key of `apply` says whose the webhook is.
  const { queryString, headers, ...rest } = attributesOf({ ...draft, sellerId: null });
  const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const lines = Object.entries(rest).map(([name, value]) => `${snake(name)} = ${JSON.stringify(value)}`);
  const names = Object.keys((headers ?? {}) as object);
  const variables = names.map((name) => `"${name}" = "\${${name.toUpperCase().replaceAll('-', '_')}}"`);
  if (variables.length) lines.push(`headers = { ${variables.join(', ')} }`);
  const note = `# tellgraph webhooks apply . --url ${location.origin}
# It makes a new webhook, unless webhookUpdate has given this handle to ${webhookId}.
`;
  return [
    { name: 'webhooks.toml', text: `${note}[webhooks.${handle}]\n${lines.join('\n')}\n` },
    { name: `${handle}.graphql`, text: queryString ?? draft.queryString },
  ];
}

/** Header values are secrets: whoever copies a text fills them in again. */
function shown(draft: Draft) {
  const attributes = attributesOf(draft);
  if (!attributes.headers) return attributes;
  const names = Object.keys(attributes.headers as object);
  return { ...attributes, headers: Object.fromEntries(names.map((name) => [name, '…'])) };
}
