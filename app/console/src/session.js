// The API key of this browser tab and what the API last said about it.
// It lives in sessionStorage, so that /graphql and /voyager share it and closing the tab forgets it.

const STORAGE_KEY = 'tellgraph.apiKey';
// What an HTTP header can carry; fetch() throws on anything else.
const HEADER_SAFE = /^[\x21-\x7e]+$/;

const listeners = new Set();
let session = sessionOf(sessionStorage.getItem(STORAGE_KEY) ?? '');
let offer = null;
takeKeyFromFragment();

function sessionOf(key) {
  if (key === '') return { key, state: 'missing' };
  return { key, state: HEADER_SAFE.test(key) ? 'unchecked' : 'malformed' };
}

/**
 * Read `#key=…` and remove it from the address bar and the history. It becomes the key of a tab that has none;
 * otherwise it is an offer, since a link from anyone could have a person work under a key that is not theirs.
 */
function takeKeyFromFragment() {
  const key = new URLSearchParams(location.hash.slice(1)).get('key')?.trim();
  if (key === undefined) return;
  history.replaceState(history.state, '', location.pathname + location.search);
  if (session.key === '') setKey(key);
  else if (key !== '' && key !== session.key) setOffer(key);
}

function notify() {
  for (const listener of listeners) listener();
}

function setOffer(key) {
  offer = key;
  notify();
}

/** `{key, state}`; state is missing, malformed, unchecked, accepted, refused or unreachable. */
export function getSession() {
  return session;
}

/** The key of a link that would replace the present one; null where no answer is awaited. */
export function getOffer() {
  return offer;
}

/** Use the key of the link, or keep the present one. */
export function answerOffer(isAccepted) {
  const key = offer;
  setOffer(null);
  if (isAccepted && key !== null) setKey(key);
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
  session = sessionOf(key);
  notify();
}

/** Record what the API said about `key`; a late answer to an earlier key changes nothing. */
export function setState(key, state) {
  if (key !== session.key || state === session.state) return;
  session = { key, state };
  notify();
}

addEventListener('hashchange', takeKeyFromFragment);
