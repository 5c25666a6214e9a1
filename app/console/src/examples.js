import { parse } from 'graphql';

import text from './examples.graphql?raw';

/**
 * One GraphiQL tab for each operation of examples.graphql, with the comment above it.
 * The tab's title is the operation's name.
 */
export function exampleTabs() {
  const ends = parse(text).definitions.map((definition) => definition.loc.end);
  return ends.map((end, index) => ({ query: text.slice(ends[index - 1] ?? 0, end).trim() }));
}
