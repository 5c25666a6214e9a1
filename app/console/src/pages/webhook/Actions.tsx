import { Button } from '@mantine/core';
import { IconEdit, IconFlask, IconPlayerPause, IconPlayerPlay, IconTrash } from '@tabler/icons-react';
import { Link, useNavigate } from 'react-router';

import { useAction } from '../../api/useAction';
import {
  DeleteWebhookDocument,
  TestWebhookDocument,
  UpdateWebhookDocument,
  type WebhookDetailsFragment,
} from '../../gql/graphql';
import { ActButton } from '../../parts/ActButton';
import { ConfirmButton } from '../../parts/ConfirmButton';
import { eventPath } from '../../parts/names';

/** What a person can do with a webhook. */
export function Actions({ webhook }: { webhook: WebhookDetailsFragment }) {
  const { id, enabled } = webhook;
  const navigate = useNavigate();
  const test = useAction(TestWebhookDocument, 'A test is being sent.');
  const update = useAction(UpdateWebhookDocument);
  const remove = useAction(DeleteWebhookDocument, 'The webhook is deleted.');
  return (
    <>
      <ActButton
        leftSection={<IconFlask size={16} />}
        act={async () => {
          const outcome = await test({ id });
          const made = outcome.data?.webhookTest?.webhookEvent;
          if (outcome.isOk && made) await navigate(eventPath(made.id));
          return outcome;
        }}
      >
        Test
      </ActButton>
      <Button component={Link} to={`/webhooks/new?webhook=${id}`} variant="default" leftSection={<IconEdit size={16} />}>
        Edit query
      </Button>
      {enabled ? (
        <ConfirmButton
          leftSection={<IconPlayerPause size={16} />}
          question="Disable this webhook?"
          consequence="Nothing is sent any more. Events that wait are held. When you enable it, they are sent, together with the present state of whatever has changed meanwhile."
          confirm="Disable"
          onConfirm={() => update({ id, attributes: { enabled: false } })}
        >
          Disable
        </ConfirmButton>
      ) : (
        <ConfirmButton
          variant="filled"
          leftSection={<IconPlayerPlay size={16} />}
          question="Enable this webhook?"
          consequence="Held events are sent, and then the present state of whatever has changed meanwhile."
          confirm="Enable"
          onConfirm={() => update({ id, attributes: { enabled: true } })}
        >
          Enable
        </ConfirmButton>
      )}
      <ConfirmButton
        isDangerous
        leftSection={<IconTrash size={16} />}
        question="Delete this webhook?"
        consequence="It is sent nothing any more, and events that wait are cancelled. This can't be undone. Its events stay readable for as long as history is kept."
        confirm="Delete the webhook"
        onConfirm={async () => {
          const outcome = await remove({ id });
          if (outcome.isOk) await navigate('/webhooks');
          return outcome;
        }}
      >
        Delete
      </ConfirmButton>
    </>
  );
}
