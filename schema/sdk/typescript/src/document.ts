/** A document with the types of its data and its variables, as generators of GraphQL write them. */
export interface DocumentTypeDecoration<Data, Variables> {
  __apiType?: (variables: Variables) => Data;
}

/** A document to run: one of this package, or one that a generator made from your own text. */
export interface Document<Data, Variables> extends DocumentTypeDecoration<Data, Variables> {
  toString(): string;
}
