// The API key of this browser tab and what the API last said about it.
// It lives in sessionStorage, so that all pages share it and closing the tab forgets it.

/** `waiting`: the API has asked to send less (429), and a request waits to be repeated. */
export type KeyState = 'missing' | 'malformed' | 'unchecked' | 'accepted' | 'refused' | 'waiting' | 'unreachable';
export type Session = Readonly<{ key: string; state: KeyState }>;

const STORAGE_KEY = 'tellgraph.apiKey';
// What an HTTP header can carry; fetch() throws on anything else.
const HEADER_SAFE = /^[\x21-\x7e]+$/;

const listeners = new Set<() => void>();
let session = sessionOf(sessionStorage.getItem(STORAGE_KEY) ?? '');
let offer: string | null = null;
takeKeyFromFragment();

function sessionOf(key: string): Session {
  if (key === '') return { key, state: 'missing' };
  return { key, state: HEADER_SAFE.test(key) ? 'unchecked' : 'malformed' };
}

/**
 * Read `#key=…` and remove it from the address bar and the history. It becomes the key of a tab that has none;
 * otherwise it is an offer, since a link from anyone could have a person work under a key that is not theirs.
 */
function takeKeyFromFragment(): void {
  const key = new URLSearchParams(location.hash.slice(1)).get('key')?.trim();
  if (key === undefined) return;
  history.replaceState(history.state, '', location.pathname + location.search);
  if (session.key === '') setKey(key);
  else if (key !== '' && key !== session.key) setOffer(key);
}

function notify(): void {
  for (const listener of listeners) listener();
}

function setOffer(key: string | null): void {
  offer = key;
  notify();
}

export function getSession(): Session {
  return session;
}

/** The key of a link that would replace the present one; null where no answer is awaited. */
export function getOffer(): string | null {
  return offer;
}

/** Use the key of the link, or keep the present one. */
export function answerOffer(isAccepted: boolean): void {
  const key = offer;
  setOffer(null);
  if (isAccepted && key !== null) setKey(key);
}

/** Call `listener` after every change; returns the function that ends this. */
export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function setKey(text: string): void {
  const key = text.trim();
  if (key === '') sessionStorage.removeItem(STORAGE_KEY);
  else sessionStorage.setItem(STORAGE_KEY, key);
  session = sessionOf(key);
  notify();
}

/** Record what the API said about `key`; a late answer to an earlier key changes nothing. */
export function setState(key: string, state: KeyState): void {
  if (key !== session.key || state === session.state) return;
  session = { key, state };
  notify();
}

addEventListener('hashchange', takeKeyFromFragment);
