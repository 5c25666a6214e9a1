import { IconRefresh, IconSend, IconX } from '@tabler/icons-react';

import { useAction } from '../../api/useAction';
import { CancelEventDocument, ReplayEventDocument, type WebhookEventStateEnum } from '../../gql/graphql';
import { ActButton } from '../../parts/ActButton';
import { ConfirmButton } from '../../parts/ConfirmButton';
import type { Event } from './types';

const RESENT: readonly WebhookEventStateEnum[] = ['DELIVERED', 'FAILED', 'CANCELLED', 'SUPERSEDED'];
const WAITING: readonly WebhookEventStateEnum[] = ['PENDING', 'RETRYING', 'HELD'];

/** What a person can do with an event in its present state. */
export function Actions({ event }: { event: Event }) {
  const { id, state } = event;
  const sendNow = useAction(ReplayEventDocument, 'It is being sent.');
  const sendAgain = useAction(ReplayEventDocument, 'It waits to be sent again.');
  const cancel = useAction(CancelEventDocument, 'The event is cancelled.');
  return (
    <>
      {state === 'RETRYING' && (
        <ActButton variant="filled" leftSection={<IconSend size={16} />} act={() => sendNow({ id })}>
          Send now
        </ActButton>
      )}
      {RESENT.includes(state) && (
        <ConfirmButton
          leftSection={<IconRefresh size={16} />}
          question="Send this event again?"
          consequence={
            state === 'DELIVERED'
              ? 'The receiver gets the same body with the same id once more. A receiver that remembers ids ignores it.'
              : 'The receiver gets the body as it was rendered then, which may be older than what it has by now.'
          }
          confirm="Send again"
          onConfirm={() => sendAgain({ id })}
        >
          Send again
        </ConfirmButton>
      )}
      {state === 'RENDER_FAILED' && (
        <ActButton leftSection={<IconRefresh size={16} />} act={() => sendAgain({ id })}>
          Run the query again
        </ActButton>
      )}
      {WAITING.includes(state) && (
        <ConfirmButton
          isDangerous
          leftSection={<IconX size={16} />}
          question="Cancel this event?"
          consequence="It is not sent. You can send it again later from this page."
          confirm="Cancel the event"
          onConfirm={() => cancel({ id })}
        >
          Cancel
        </ConfirmButton>
      )}
    </>
  );
}
