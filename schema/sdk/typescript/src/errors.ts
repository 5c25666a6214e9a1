/** An error of one field or of the whole request, as GraphQL tells it. */
export interface ErrorItem {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions?: { readonly code?: string; readonly [name: string]: unknown };
}

/** What is wrong with one field of a mutation's input. */
export interface FieldError {
  readonly field: string;
  readonly messages: readonly string[];
}

/** The base of all errors of this package. */
export class TellgraphError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A delivery is forged, altered, or older than five minutes. Answer 401. */
export class VerificationError extends TellgraphError {}

/** There was no answer, or one that is not GraphQL's. Nothing is known of what the server did. */
export class TransportError extends TellgraphError {
  constructor(
    message: string,
    /** The HTTP status; undefined without an answer. */
    readonly status?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The server answered with errors. `data` holds what it could tell all the same. */
export class GraphQLError extends TellgraphError {
  constructor(
    readonly errors: readonly ErrorItem[],
    readonly data: unknown,
    readonly status: number,
  ) {
    super(errors.map(({ message, extensions }) => `${extensions?.code ?? "ERROR"}: ${message}`).join("\n"));
  }

  /** The codes, as the documentation lists them. */
  get codes(): readonly string[] {
    return this.errors.map(({ extensions }) => extensions?.code ?? "ERROR");
  }
}

/** A mutation was refused, and nothing has changed. */
export class PayloadError extends TellgraphError {
  constructor(
    /** The mutation's name. */
    readonly mutation: string,
    /** As an HTTP status: 403, 404, 409, 422 or 429. */
    readonly status: number,
    readonly errors: readonly FieldError[],
  ) {
    super(`${mutation}: ${status}. ${errors.map(({ field, messages }) => `${field}: ${messages.join(", ")}`).join("; ")}`);
  }
}
