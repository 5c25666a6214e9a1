import { Webhook } from "standardwebhooks";
import type { DocumentTypeDecoration } from "./document.js";
import { VerificationError, type ErrorItem } from "./errors.js";

/** The result of a stored query. */
export interface Payload<Data> {
  readonly data: Data | null;
  readonly errors?: readonly ErrorItem[];
}

/** The body that a webhook sends. `Data` is what its stored query gives. */
export interface Delivery<Data> {
  /** The same at each attempt: remember it to recognise a repetition. */
  readonly id: string;
  readonly event_name: "create" | "update" | "destroy" | "test";
  readonly type: string;
  readonly timestamp: string;
  /** Of two deliveries about one entity, the higher one is the newer. */
  readonly sequence: number;
  readonly entity: { readonly type: string; readonly id: string };
  readonly changed: {
    readonly added: readonly string[];
    readonly updated: readonly string[];
    readonly removed: readonly string[];
    readonly cut?: true;
  };
  readonly payload: Payload<Data>;
  /** Of a webhook with `includePrevious`. */
  readonly previous?: Payload<Data> | null;
}

/** Verifies deliveries of one webhook, and gives them their type. */
export class Receiver<Data> {
  readonly #webhook: Webhook;

  /**
   * @param query The stored query of the webhook, for its type; or name the type: `new Receiver<MyData>(null, secret)`.
   * @param secret The webhook's `hmacKey`.
   */
  constructor(_query: DocumentTypeDecoration<Data, never> | null, secret: string) {
    this.#webhook = new Webhook(secret);
  }

  /**
   * Verify a body as it came, before it was parsed.
   *
   * @throws VerificationError when it is forged, altered, or older than five minutes.
   */
  verify(body: string | Uint8Array, headers: Headers | Record<string, string | string[] | undefined>): Delivery<Data> {
    const given = headers instanceof Headers ? Object.fromEntries(headers) : (headers as Record<string, string>);
    const text = typeof body === "string" ? body : new TextDecoder().decode(body);
    try {
      return this.#webhook.verify(text, given) as Delivery<Data>;
    } catch (cause) {
      throw new VerificationError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  /** Verify a body as it came; null when it does not verify, which is answered by 401. */
  find(
    body: string | Uint8Array,
    headers: Headers | Record<string, string | string[] | undefined>,
  ): Delivery<Data> | null {
    try {
      return this.verify(body, headers);
    } catch (error) {
      if (error instanceof VerificationError) return null;
      throw error;
    }
  }
}
