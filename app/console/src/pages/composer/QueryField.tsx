import { Alert, List, Skeleton, Stack, Text } from '@mantine/core';
import { lazy, Suspense, useCallback } from 'react';

import { entityOf, type Change, type Draft } from './draft';

const Editor = lazy(() => import('./Editor'));

type Props = Readonly<{ draft: Draft; onChange: Change; problems: readonly string[] }>;

/** The stored query, with what the API says about it. */
export function QueryField({ draft, onChange, problems }: Props) {
  const change = useCallback((queryString: string) => onChange({ queryString }), [onChange]);
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed">
        It runs for each changed {entityOf(draft.type)}. Its result is the payload. Add any field of the graph.
      </Text>
      <Suspense fallback={<Skeleton h={380} />}>
        <Editor label="Stored query" value={draft.queryString} onChange={change} problems={problems} />
      </Suspense>
      {problems.length > 0 && (
        <Alert color="red" title="This query can't be saved" role="alert">
          <List size="sm" listStyleType="none">
            {problems.map((problem) => (
              <List.Item key={problem}>{problem}</List.Item>
            ))}
          </List>
        </Alert>
      )}
    </Stack>
  );
}
