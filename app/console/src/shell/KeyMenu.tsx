import { Badge, Button, Menu, Modal, Text, VisuallyHidden } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown, IconKey, IconLogout } from '@tabler/icons-react';

import { setKey, type KeyState } from '../api/session';
import { ownerInWords, usePrincipal } from '../api/usePrincipal';
import { useSession } from '../api/useSession';
import { KeyEntry } from './KeyEntry';

const NOTES: Record<KeyState, readonly [text: string, color: string]> = {
  missing: ['No key', 'gray'],
  malformed: ['Malformed key', 'red'],
  unchecked: ['Checking the key …', 'gray'],
  accepted: ['Key accepted', 'green'],
  refused: ['Key refused', 'red'],
  waiting: ['The API asks to wait …', 'yellow'],
  unreachable: ['The server does not answer', 'red'],
};

/** Say whose key is in use and what the API said about it, and let another one be used. */
export function KeyMenu() {
  const { state } = useSession();
  const principal = usePrincipal();
  const [isAsking, { open, close }] = useDisclosure(false);
  const [note, color] = NOTES[state];
  const said = principal && state === 'accepted' ? `Key of ${ownerInWords(principal)}` : note;
  return (
    <>
      <VisuallyHidden role="status">{said}</VisuallyHidden>
      <Menu position="bottom-end" width={260}>
        <Menu.Target>
          <Button
            variant="default"
            leftSection={<IconKey size={16} />}
            rightSection={<IconChevronDown size={14} />}
            maw={{ base: 210, sm: 360 }}
            px="sm"
          >
            <Text span size="sm" truncate>
              {said}
            </Text>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>
            <Badge color={color} variant="light">
              {note}
            </Badge>
            {principal?.name && (
              <Text size="sm" mt={6}>
                {principal.name}
              </Text>
            )}
          </Menu.Label>
          <Menu.Item leftSection={<IconKey size={16} />} onClick={open}>
            Use another key
          </Menu.Item>
          {state !== 'missing' && (
            <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => setKey('')}>
              Forget the key
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <Modal opened={isAsking} onClose={close} title="Use another key">
        <KeyEntry onEntered={close} />
      </Modal>
    </>
  );
}
