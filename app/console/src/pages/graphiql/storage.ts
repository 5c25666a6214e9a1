// Where GraphiQL keeps its tabs, its history and the sizes of its parts. Queries and variables may hold signing secrets
// and header values, so they go with the browser tab, as the API key does.

const isOurs = (name: string) => name.startsWith('graphiql:');

export const storage: Storage = {
  getItem: (name) => sessionStorage.getItem(name),
  setItem: (name, value) => sessionStorage.setItem(name, value),
  removeItem: (name) => sessionStorage.removeItem(name),
  key: (index) => Object.keys(sessionStorage).filter(isOurs)[index] ?? null,
  get length() {
    return Object.keys(sessionStorage).filter(isOurs).length;
  },
  clear() {
    for (const name of Object.keys(sessionStorage).filter(isOurs)) sessionStorage.removeItem(name);
  },
};

/** Remove what earlier versions of this page have left in the browser. */
export function forgetLocalCopies(): void {
  for (const name of Object.keys(localStorage).filter(isOurs)) localStorage.removeItem(name);
}
