import { Alert, Button, Card, Center, Title } from '@mantine/core';
import type { ReactNode } from 'react';

import { useSession } from '../api/useSession';
import { KeyEntry } from './KeyEntry';

/** Show the page once there is a key; before that, and when the API refuses the key, ask for one. */
export function Gate({ children }: { children: ReactNode }) {
  const { state } = useSession();
  if (state === 'missing' || state === 'malformed' || state === 'refused') {
    return (
      <Center mt="xl">
        <Card withBorder w="100%" maw={480} padding="lg">
          <Title order={1} size="h3" mb="md">
            This page needs an API key
          </Title>
          <KeyEntry />
        </Card>
      </Center>
    );
  }
  return (
    <>
      {state === 'unreachable' && (
        <Alert color="red" title="The server does not answer" mb="md">
          What you see may be out of date.{' '}
          <Button variant="light" color="red" size="compact-sm" onClick={() => location.reload()}>
            Try again
          </Button>
        </Alert>
      )}
      {children}
    </>
  );
}
