import { useSyncExternalStore } from 'react';

import { getOffer, getSession, subscribe, type Session } from './session';

/** The key of this tab and what the API last said about it. */
export function useSession(): Session {
  return useSyncExternalStore(subscribe, getSession);
}

/** The key that a link brings while another one is in use; null where there is none. */
export function useOffer(): string | null {
  return useSyncExternalStore(subscribe, getOffer);
}
