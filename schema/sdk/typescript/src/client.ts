import type { Document } from "./document.js";
import { GraphQLError, PayloadError, TransportError, type ErrorItem, type FieldError } from "./errors.js";

export interface ClientOptions {
  /** The address of the API, such as `https://tellgraph.example/graphql`. */
  readonly url: string;
  readonly key: string;
  /** How often a request is repeated that was answered by 429 or 503, or not at all. 4 by default. */
  readonly retries?: number;
  readonly fetch?: typeof fetch;
}

export interface RunOptions {
  /** Of a mutation, so that it is carried out once. By default each call has a key of its own. */
  readonly idempotencyKey?: string;
  readonly retries?: number;
  readonly signal?: AbortSignal;
}

interface Page<Node> {
  readonly nodes: readonly Node[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
}

interface Answer {
  readonly data?: unknown;
  readonly errors?: readonly ErrorItem[];
}

/** The longest pause before a repetition. A `Retry-After` beyond it is the caller's. */
const LONGEST_PAUSE_MS = 60_000;
/** What a long poll takes at most, and the answer's way. */
const TIMEOUT_MS = 60_000;

/** A client of the API: it runs documents, repeats what may be repeated, and throws each error of an answer. */
export class Tellgraph {
  constructor(private readonly options: ClientOptions) {}

  /**
   * Run an operation and return its data.
   *
   * @throws PayloadError when a mutation is refused, GraphQLError for errors of the answer, TransportError without one.
   */
  async run<Data, Variables>(
    document: Document<Data, Variables>,
    variables: Variables,
    options: RunOptions = {},
  ): Promise<Data> {
    const headers: Record<string, string> = {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      authorization: `Bearer ${this.options.key}`,
      // A query ignores it.
      "idempotency-key": options.idempotencyKey ?? crypto.randomUUID(),
    };
    const body = JSON.stringify({ query: document.toString(), variables });
    const retries = options.retries ?? this.options.retries ?? 4;
    for (let attempt = 1; ; attempt++) {
      let pause: number | null = null;
      try {
        return readAnswer(await this.post(headers, body, options.signal, (told) => (pause = told)));
      } catch (error) {
        options.signal?.throwIfAborted();
        pause ??= backoff(attempt);
        if (attempt > retries || pause > LONGEST_PAUSE_MS || !isRepeatable(error, attempt)) throw error;
      }
      await sleep(pause, options.signal);
    }
  }

  /** Run a query of a list page by page, and yield its nodes. It needs the variable `after`, and `pageInfo`. */
  async *each<Data extends Record<keyof Data, Page<unknown>>, Variables extends { after?: string | null }>(
    document: Document<Data, Variables>,
    variables: Variables,
  ): AsyncGenerator<Data[keyof Data]["nodes"][number], void, undefined> {
    for (let after = variables.after; ; ) {
      const data = await this.run(document, { ...variables, after });
      const [page] = Object.values(data) as [Page<Data[keyof Data]["nodes"][number]>];
      yield* page.nodes;
      if (!page.pageInfo.hasNextPage) return;
      after = page.pageInfo.endCursor;
    }
  }

  private async post(
    headers: Record<string, string>,
    body: string,
    signal: AbortSignal | undefined,
    onPause: (ms: number) => void,
  ): Promise<{ status: number; answer: Answer }> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    let response: Response;
    try {
      response = await (this.options.fetch ?? fetch)(this.options.url, {
        method: "POST",
        headers,
        body,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      const told = Number(response.headers.get("retry-after") ?? NaN);
      if (told >= 0) onPause(told * 1000);
      const answer = (await response.json()) as Answer;
      return { status: response.status, answer };
    } catch (cause) {
      const message = cause instanceof SyntaxError ? `HTTP ${response!.status} without JSON` : String(cause);
      throw new TransportError(message, cause instanceof SyntaxError ? response!.status : undefined, { cause });
    }
  }
}

function readAnswer<Data>({ status, answer }: { status: number; answer: Answer }): Data {
  if (answer.errors) throw new GraphQLError(answer.errors, answer.data ?? null, status);
  if (!answer.data) throw new TransportError(`HTTP ${status} without data`, status);
  for (const [name, payload] of Object.entries(answer.data)) {
    const made = payload as { status?: unknown; errors?: readonly FieldError[] | null } | null;
    if (typeof made?.status === "number" && made.status !== 200) {
      throw new PayloadError(name, made.status, made.errors ?? []);
    }
  }
  return answer.data as Data;
}

/** A repeated mutation has the same Idempotency-Key, so it is carried out once, also when an answer was lost. */
function isRepeatable(error: unknown, attempt: number): boolean {
  if (error instanceof TransportError) return error.status === undefined || error.status >= 500;
  if (!(error instanceof GraphQLError)) return false;
  const isStillRunning = attempt > 1 && error.codes.includes("IDEMPOTENCY_CONFLICT");
  return error.status === 429 || error.status === 503 || isStillRunning;
}

function backoff(attempt: number): number {
  return Math.random() * Math.min(250 * 2 ** attempt, 30_000);
}

function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", stop, { once: true });
    function done(): void {
      signal?.removeEventListener("abort", stop);
      resolve();
    }
    function stop(): void {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    }
  });
}
