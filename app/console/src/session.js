// The API key of this browser tab and what the API last said about it.
// It lives in sessionStorage, so that /graphql and /voyager share it and closing the tab forgets it.

const STORAGE_KEY = 'tellgraph.apiKey';
// What an HTTP header can carry; fetch() throws on anything else.
const HEADER_SAFE = /^[\x21-\x7e]+$/;

const listeners = new Set();
let session = sessionOf(takeKeyFromFragment() ?? sessionStorage.getItem(STORAGE_KEY) ?? '');

function sessionOf(key) {
  if (key === '') return { key, state: 'missing' };
  return { key, state: HEADER_SAFE.test(key) ? 'unchecked' : 'malformed' };
}

/** Read `#key=…` and remove it from the address bar and the history; null where there is none. */
function takeKeyFromFragment() {
  const key = new URLSearchParams(location.hash.slice(1)).get('key');
  if (key === null) return null;
  history.replaceState(history.state, '', location.pathname + location.search);
  sessionStorage.setItem(STORAGE_KEY, key.trim());
  return key.trim();
}

function change(next) {
  session = next;
  for (const listener of listeners) listener();
}

/** `{key, state}`; state is missing, malformed, unchecked, accepted, refused or unreachable. */
export function getSession() {
  return session;
}

/** Call `listener` after every change; returns the function that ends this. */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function setKey(text) {
  const key = text.trim();
  if (key === '') sessionStorage.removeItem(STORAGE_KEY);
  else sessionStorage.setItem(STORAGE_KEY, key);
  change(sessionOf(key));
}

/** Record what the API said about `key`; a late answer to an earlier key changes nothing. */
export function setState(key, state) {
  if (key === session.key && state !== session.state) change({ key, state });
}

addEventListener('hashchange', () => {
  const key = takeKeyFromFragment();
  if (key !== null) setKey(key);
});
