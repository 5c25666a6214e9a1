// What the clients of graphql-sse and graphql-ws have in common: each operation is a subscription.
export function ofClient(client) {
  const subscribe = ({ query, variables, onData, onError }) =>
    client.subscribe(
      { query, variables },
      { next: ({ data, errors }) => (errors ? onError(errors) : onData(data)), error: onError, complete: () => {} },
    );
  const mutate = (operation) =>
    new Promise((onData, onError) => {
      subscribe({ ...operation, onData, onError });
    });
  return { subscribe, mutate };
}
