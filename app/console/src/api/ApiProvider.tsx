import { createContext, useContext, useEffect, useMemo, type ReactNode } from 'react';
import { Provider } from 'urql';

import { createApi, type Api } from './client';
import { useSession } from './useSession';

const ApiContext = createContext<Api | null>(null);

/** Give the pages the client of the present key. With another key they begin anew. */
export function ApiProvider({ children }: { children: ReactNode }) {
  const { key } = useSession();
  const api = useMemo(() => createApi(key), [key]);
  useEffect(() => () => api.streams.dispose(), [api]);
  return (
    <ApiContext value={api}>
      <Provider value={api.client} key={key}>
        {children}
      </Provider>
    </ApiContext>
  );
}

export function useApi(): Api {
  const api = useContext(ApiContext);
  if (api === null) throw new Error('useApi needs an ApiProvider above it');
  return api;
}
