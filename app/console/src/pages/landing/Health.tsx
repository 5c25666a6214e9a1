import { Badge, Code, Group, Loader, Stack, Text } from '@mantine/core';
import { useEffect, useState } from 'react';

type Health = Readonly<{ isReady: boolean; version?: string; reason?: string }>;

async function ask(path: string): Promise<Record<string, string>> {
  try {
    return (await (await fetch(path)).json()) as Record<string, string>;
  } catch {
    return { status: 'unavailable', reason: 'The server did not answer.' };
  }
}

async function readHealth(): Promise<Health> {
  const [alive, ready] = await Promise.all([ask('/healthz'), ask('/readyz')]);
  return { isReady: ready['status'] === 'ok', version: alive['version'], reason: ready['reason'] };
}

/** Whether the API runs and reaches its database. */
export function Health() {
  const [health, setHealth] = useState<Health | null>(null);
  useEffect(() => {
    let isShown = true;
    void readHealth().then((found) => isShown && setHealth(found));
    return () => {
      isShown = false;
    };
  }, []);
  if (health === null) return <Loader size="sm" aria-label="Asking" />;
  return (
    <Stack gap="sm" align="flex-start">
      <Group gap="xs">
        <Badge color={health.isReady ? 'green' : 'red'} variant="light" tt="none" radius="sm">
          {health.isReady ? 'Ready' : 'Not ready'}
        </Badge>
        {health.version && <Text size="sm">Tellgraph {health.version}</Text>}
      </Group>
      <Text size="sm">{health.isReady ? 'The API runs and reaches its database.' : health.reason}</Text>
      <Text size="sm" c="dimmed">
        Monitoring asks <Code>/healthz</Code> and <Code>/readyz</Code>.
      </Text>
    </Stack>
  );
}
