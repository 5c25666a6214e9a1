import { Badge, Tooltip } from '@mantine/core';

/** Whether the page shows changes by itself. */
export function Live({ isLive }: { isLive: boolean }) {
  return (
    <Tooltip label={isLive ? 'Changes are shown as they happen.' : 'The connection is being made …'}>
      <Badge variant="dot" color={isLive ? 'green' : 'gray'} tt="none">
        {isLive ? 'Live' : 'Connecting'}
      </Badge>
    </Tooltip>
  );
}
