import { Alert, Text } from '@mantine/core';

import type { Refusal } from './Failure';

/** Say what was saved and is surely not meant. */
export function Warnings({ warnings }: { warnings: readonly Refusal[] }) {
  if (warnings.length === 0) return null;
  return (
    <Alert color="yellow" title="Saved. Is this what you mean?" role="status">
      {warnings.flatMap(({ field, messages }) =>
        messages.map((message) => (
          <Text key={`${field}: ${message}`} size="sm" style={{ overflowWrap: 'anywhere' }}>
            {field?.replace('attributes.', '')}: {message}
          </Text>
        )),
      )}
    </Alert>
  );
}
