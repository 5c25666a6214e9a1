import { Alert, Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core';
import { IconCheck, IconCopy, IconLink } from '@tabler/icons-react';

/** A key that has just been made. */
export type MadeKey = Readonly<{ key: string; name: string }>;

/** Show a new key, this once, with ways to take it along. */
export function NewKey({ made, onDone }: { made: MadeKey; onDone: () => void }) {
  return (
    <Stack gap="md">
      <Alert color="yellow" title="Copy it now">
        The key is shown only this once, because the server keeps no copy of it.
      </Alert>
      <Code block aria-label="The new key" style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
        {made.key}
      </Code>
      <Group gap="sm">
        <Copy text={made.key} label="Copy the key" icon={<IconCopy size={16} />} />
        <Copy text={`${location.origin}/#key=${made.key}`} label="Copy a link to the console with it" icon={<IconLink size={16} />} />
      </Group>
      <Text size="sm" c="dimmed">
        Whoever has the link can do what the key may do. Send it as you would send the key.
      </Text>
      <Group justify="flex-end">
        <Button onClick={onDone}>I have copied it</Button>
      </Group>
    </Stack>
  );
}

function Copy({ text, label, icon }: { text: string; label: string; icon: React.ReactNode }) {
  return (
    <CopyButton value={text}>
      {({ copied, copy }) => (
        <Button variant="default" leftSection={copied ? <IconCheck size={16} /> : icon} onClick={copy}>
          {copied ? 'Copied' : label}
        </Button>
      )}
    </CopyButton>
  );
}
