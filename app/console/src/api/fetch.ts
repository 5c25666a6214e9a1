import { getSession, setState } from './session';

export const ENDPOINT = '/graphql';

const MOST_REPEATS = 3;
const LONGEST_WAIT_S = 60;

const isFor = (key: string) => getSession().key === key;
const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/**
 * Make the `fetch` of one key. It tells the session what the API says about the key. An answer 429 means that nothing
 * has been done yet: it repeats the request after the time that the API names.
 */
export function fetchWithKey(key: string): typeof fetch {
  return async (input, init) => {
    const headers = new Headers(init?.headers);
    headers.set('authorization', `Bearer ${key}`);
    for (let repeats = 0; ; repeats += 1) {
      const response = await send(key, input, { ...init, headers });
      const wait = Number(response.headers.get('retry-after') ?? 'NaN');
      const isRepeated = response.status === 429 && repeats < MOST_REPEATS && wait <= LONGEST_WAIT_S && isFor(key);
      if (!isRepeated) return response;
      setState(key, 'waiting');
      await pause(wait);
      init?.signal?.throwIfAborted();
    }
  };
}

async function send(key: string, input: RequestInfo | URL, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(input, init);
    if (response.status === 401) setState(key, 'refused');
    else if (response.status !== 429) setState(key, 'accepted');
    return response;
  } catch (error) {
    if (!init.signal?.aborted) setState(key, 'unreachable');
    throw error;
  }
}
