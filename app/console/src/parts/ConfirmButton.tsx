import { Button, Group, Modal, Stack, Text, type ButtonProps } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState, type ReactNode } from 'react';

import type { Outcome } from '../api/useAction';
import { Failure } from './Failure';

type Props = ButtonProps &
  Readonly<{
    children: ReactNode;
    /** The question, as in “Delete this webhook?”. */
    question: string;
    /** What will happen, and whether it can be undone. */
    consequence: ReactNode;
    /** The act as a verb, as in “Delete”. */
    confirm: string;
    isDangerous?: boolean;
    /** Do it. What is refused is shown in the dialog, which stays open then. */
    onConfirm: () => Promise<Outcome>;
  }>;

/** A button that says what it will do, and does it only after a second click. */
export function ConfirmButton({ children, question, consequence, confirm, isDangerous, onConfirm, ...look }: Props) {
  const [isOpen, { open, close }] = useDisclosure(false);
  const [isRunning, setRunning] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const ask = () => {
    setOutcome(null);
    open();
  };
  const act = async () => {
    setRunning(true);
    const result = await onConfirm();
    setRunning(false);
    setOutcome(result);
    if (result.isOk) close();
  };
  return (
    <>
      <Button variant="default" c={isDangerous ? 'var(--tellgraph-color-danger)' : undefined} {...look} onClick={ask}>
        {children}
      </Button>
      <Modal opened={isOpen} onClose={close} title={question}>
        <Stack gap="md">
          <Text component="div" size="sm">
            {consequence}
          </Text>
          {outcome && <Failure error={outcome.error} refusals={outcome.refusals} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>
              Cancel
            </Button>
            <Button color={isDangerous ? 'red' : undefined} loading={isRunning} onClick={() => void act()}>
              {confirm}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
