import { Alert, Button, Group, Modal, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';

import { Json } from '../../parts/Json';

/** Show a new signing secret, this once. */
export function SecretShown({ secret, onClose }: { secret: string | null; onClose: () => void }) {
  return (
    <Modal opened={secret !== null} onClose={onClose} title="The new signing secret" closeOnClickOutside={false}>
      <Stack>
        <Alert color="yellow" icon={<IconAlertTriangle aria-hidden />}>
          It is shown this once. Copy it into the settings of your receiver before you close this.
        </Alert>
        {secret !== null && <Json value={secret} label="Signing secret" />}
        <Text size="sm">Receivers verify the signature of each delivery with it.</Text>
        <Group justify="flex-end">
          <Button onClick={onClose}>I have copied it</Button>
        </Group>
      </Stack>
    </Modal>
  );
}
