import { Anchor, Select, Stack, Text } from '@mantine/core';
import { IconRotateClockwise } from '@tabler/icons-react';
import { useState } from 'react';

import { useAction } from '../../api/useAction';
import { RotateSecretDocument, type WebhookDetailsFragment } from '../../gql/graphql';
import { ConfirmButton } from '../../parts/ConfirmButton';
import { Json } from '../../parts/Json';
import { Section } from '../../parts/Section';
import { When } from '../../parts/When';
import { SecretShown } from './SecretShown';

const OVERLAPS = [
  { value: '0', label: 'Not at all: the old secret ends at once' },
  { value: '3600', label: 'For an hour' },
  { value: '86400', label: 'For a day' },
  { value: '604800', label: 'For a week' },
];

/** The signing secrets: how deliveries are signed, and a new secret with an overlap. */
export function Secrets({ webhook }: { webhook: WebhookDetailsFragment }) {
  const rotate = useAction(RotateSecretDocument);
  const [overlap, setOverlap] = useState('86400');
  const [secret, setSecret] = useState<string | null>(null);
  const roll = async () => {
    const outcome = await rotate({ id: webhook.id, overlapSeconds: Number(overlap) });
    setSecret(outcome.data?.webhookSecretRotate?.hmacKey ?? null);
    return outcome;
  };
  return (
    <Section title="Signing secrets">
      <Stack align="flex-start" gap="sm">
        <Text size="sm">
          Each delivery is signed by {webhook.signatureSchemes.join(' and ')}.{' '}
          <Anchor href="/docs/receivers-guide#signatures" size="sm" underline="always">
            How to verify
          </Anchor>
        </Text>
        {webhook.oldSecretExpiresAt && (
          <Text size="sm" role="status">
            The old secret also signs, until <When at={webhook.oldSecretExpiresAt} />.
          </Text>
        )}
        {webhook.publicKey && <Json value={webhook.publicKey} label="Public key" />}
        {!webhook.deletedAt && (
          <>
            <Select
              label="The old secret goes on signing"
              data={OVERLAPS}
              value={overlap}
              onChange={(value) => value && setOverlap(value)}
              allowDeselect={false}
              w={{ base: '100%', sm: 360 }}
            />
            <ConfirmButton
              leftSection={<IconRotateClockwise size={16} />}
              question="Make a new signing secret?"
              consequence={
                overlap === '0'
                  ? 'The old secret ends at once: your receiver refuses deliveries until it has the new one.'
                  : `Deliveries are signed with the old and the new secret ${OVERLAPS.find(({ value }) => value === overlap)?.label.toLowerCase()}. Give your receiver the new one in that time.`
              }
              confirm="Make a new secret"
              isDangerous={overlap === '0'}
              onConfirm={roll}
            >
              Roll the secret
            </ConfirmButton>
          </>
        )}
      </Stack>
      <SecretShown secret={secret} onClose={() => setSecret(null)} />
    </Section>
  );
}
