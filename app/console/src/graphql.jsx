import 'graphiql/setup-workers/vite';

import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
// Not graphiql/style.css: that one carries web fonts as data: URLs, which the page's policy refuses.
import 'graphiql/graphiql.css';
import './graphql.css';

import { GraphiQL } from 'graphiql';
import { useMemo, useSyncExternalStore } from 'react';
import { createRoot } from 'react-dom/client';

import { execute } from './api.js';
import { mountBar } from './bar.js';
import { exampleTabs, runRequest } from './examples.js';
import { getSession, subscribe } from './api/session';
import { forgetLocalCopies, storage } from './storage.js';

const TABS = exampleTabs();

function Console() {
  const key = useSyncExternalStore(subscribe, () => getSession().key);
  // GraphiQL fetches the schema anew whenever the fetcher is another function: so one for each key.
  const fetcher = useMemo(() => {
    const session = getSession();
    return (request) => runRequest(request, (filled) => execute(session, filled));
  }, [key]);
  return (
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      defaultTabs={TABS}
      defaultEditorToolsVisibility={false}
      isHeadersEditorEnabled={false}
      showPersistHeadersSettings={false}
      schemaDescription
      inputValueDeprecation
    >
      {/* The bar above carries the name. */}
      <GraphiQL.Logo>{' '}</GraphiQL.Logo>
    </GraphiQL>
  );
}

forgetLocalCopies();
mountBar();
createRoot(document.getElementById('page')).render(<Console />);
