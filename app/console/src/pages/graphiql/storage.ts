// Where GraphiQL keeps its tabs, its history and the sizes of its parts. Queries and variables may hold signing secrets
// and header values, so they go with the browser tab, as the API key does. Only the theme stays.

const THEME = 'graphiql:theme';
const isOurs = (name) => name.startsWith('graphiql:');
const of = (name) => (name === THEME ? localStorage : sessionStorage);

export const storage = {
  getItem: (name) => of(name).getItem(name),
  setItem: (name, value) => of(name).setItem(name, value),
  removeItem: (name) => of(name).removeItem(name),
  get length() {
    return Object.keys(sessionStorage).filter(isOurs).length;
  },
  clear() {
    for (const name of Object.keys(sessionStorage).filter(isOurs)) sessionStorage.removeItem(name);
  },
};

/** Remove what earlier versions of this page have left in the browser. */
export function forgetLocalCopies() {
  for (const name of Object.keys(localStorage).filter(isOurs)) {
    if (name !== THEME) localStorage.removeItem(name);
  }
}
