import { Button, Modal, type ButtonProps } from '@mantine/core';
import { useState, type ReactNode } from 'react';

import type { Outcome } from '../api/useAction';
import { Failure } from './Failure';

type Props = ButtonProps & Readonly<{ children: ReactNode; act: () => Promise<Outcome> }>;

/** A button for an act that harms nothing: it is done at once. What is refused is told in a dialog. */
export function ActButton({ children, act, ...look }: Props) {
  const [isRunning, setRunning] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const run = async () => {
    setRunning(true);
    setOutcome(await act());
    setRunning(false);
  };
  return (
    <>
      <Button variant="default" {...look} loading={isRunning} onClick={() => void run()}>
        {children}
      </Button>
      <Modal opened={outcome !== null && !outcome.isOk} onClose={() => setOutcome(null)} title="Nothing was done">
        <Failure error={outcome?.error} refusals={outcome?.refusals} />
      </Modal>
    </>
  );
}
