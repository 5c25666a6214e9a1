import 'graphiql/setup-workers/vite';

import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
// Not graphiql/style.css: that one carries web fonts as data: URLs, which the page's policy refuses.
import 'graphiql/graphiql.css';
import './graphiql.css';

import { useComputedColorScheme, VisuallyHidden } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { GraphiQL } from 'graphiql';
import { useMemo } from 'react';

import { useApi } from '../../api/ApiProvider';
import { isOperator, usePrincipal } from '../../api/usePrincipal';
import { useSession } from '../../api/useSession';
import { Waiting } from '../../shell/Waiting';
import { exampleTabs } from './examples';
import { createFetcher } from './fetcher';
import { forgetLocalCopies, storage } from './storage';

forgetLocalCopies();

/** GraphiQL with the present key and examples to begin with. */
export function Console() {
  useDocumentTitle('GraphiQL · Tellgraph');
  const { key, state } = useSession();
  const { streams } = useApi();
  const principal = usePrincipal();
  const scheme = useComputedColorScheme('light');
  // GraphiQL reads the schema anew whenever the fetcher is another function: so one for each key.
  const fetcher = useMemo(() => createFetcher(key, streams), [key, streams]);
  // The examples depend on whose key it is.
  if (principal === null && state !== 'unreachable') return <Waiting />;
  return (
    <div className="console">
      <VisuallyHidden>
        <h1>GraphiQL</h1>
      </VisuallyHidden>
      <GraphiQL
        fetcher={fetcher}
        storage={storage}
        defaultTabs={exampleTabs(isOperator(principal))}
        defaultEditorToolsVisibility={false}
        forcedTheme={scheme}
        isHeadersEditorEnabled={false}
        showPersistHeadersSettings={false}
        schemaDescription
        inputValueDeprecation
      >
        {/* The bar above carries the name. */}
        <GraphiQL.Logo>{' '}</GraphiQL.Logo>
      </GraphiQL>
    </div>
  );
}
