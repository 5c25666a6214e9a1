import { Badge, Button, Code, Group, Stack, Text, VisuallyHidden } from '@mantine/core';
import { DataTable } from 'mantine-datatable';
import type { ReactNode } from 'react';

import { useAction } from '../../api/useAction';
import { useSession } from '../../api/useSession';
import { RevokeKeyDocument, type ApiKeyStateEnum, type KeyRowFragment } from '../../gql/graphql';
import { ConfirmButton } from '../../parts/ConfirmButton';
import { When } from '../../parts/When';
import { SCOPES } from './scopes';

const LOOKS: Record<ApiKeyStateEnum, readonly [text: string, color: string]> = {
  LIVE: ['Live', 'green'],
  EXPIRED: ['Expired', 'gray'],
  REVOKED: ['Revoked', 'red'],
};

type Props = Readonly<{
  keys: KeyRowFragment[];
  isLoading: boolean;
  empty: ReactNode;
  onRotate: (apiKey: KeyRowFragment) => void;
  onRevoked: () => void;
}>;

/** The keys with their last use, and what can be done with each. */
export function KeyTable({ keys, isLoading, empty, onRotate, onRevoked }: Props) {
  const own = useSession().key;
  if (!isLoading && keys.length === 0) return empty;
  return (
    <DataTable
      records={keys}
      idAccessor="id"
      fetching={isLoading}
      minHeight={160}
      verticalSpacing="sm"
      columns={[
        { accessor: 'name', render: (apiKey) => <Name apiKey={apiKey} isOwn={own.startsWith(apiKey.prefix)} /> },
        { accessor: 'seller', title: 'Owner', render: ({ seller }) => seller?.businessName ?? 'The operator' },
        { accessor: 'state', render: (apiKey) => <State apiKey={apiKey} /> },
        { accessor: 'scopes', render: ({ scopes }) => <Scopes scopes={scopes} /> },
        { accessor: 'lastUsedAt', title: 'Last used', noWrap: true, render: ({ lastUsedAt }) => (lastUsedAt ? <When at={lastUsedAt} /> : 'Never') },
        { accessor: 'expiresAt', title: 'Ends', noWrap: true, render: ({ expiresAt }) => (expiresAt ? <When at={expiresAt} /> : 'Never') },
        { accessor: 'createdAt', title: 'Made', noWrap: true, render: ({ createdAt }) => <When at={createdAt} /> },
        {
          accessor: 'acts',
          title: <VisuallyHidden>What can be done</VisuallyHidden>,
          render: (apiKey) => apiKey.state === 'LIVE' && <Acts apiKey={apiKey} isOwn={own.startsWith(apiKey.prefix)} onRotate={onRotate} onRevoked={onRevoked} />,
        },
      ]}
    />
  );
}

function Name({ apiKey, isOwn }: { apiKey: KeyRowFragment; isOwn: boolean }) {
  return (
    <Stack gap={2}>
      <Group gap={6} wrap="nowrap">
        <Text fw={500} size="sm">{apiKey.name}</Text>
        {isOwn && <Badge size="sm" variant="light" tt="none" miw="max-content">in use here</Badge>}
      </Group>
      <Code w="fit-content">{apiKey.prefix}…</Code>
    </Stack>
  );
}

function State({ apiKey: { state, replacedBy } }: { apiKey: KeyRowFragment }) {
  const [text, color] = LOOKS[state];
  return (
    <Stack gap={2}>
      <Badge color={color} variant="light" tt="none" radius="sm" miw="max-content">{text}</Badge>
      {replacedBy && <Text size="xs" c="dimmed">replaced by {replacedBy.prefix}…</Text>}
    </Stack>
  );
}

function Scopes({ scopes }: { scopes: KeyRowFragment['scopes'] }) {
  const labels = SCOPES.filter(({ scope }) => scopes.includes(scope)).map(({ label }) => label);
  return <Text size="sm">{labels.join(', ')}</Text>;
}

type ActsProps = Pick<Props, 'onRotate' | 'onRevoked'> & Readonly<{ apiKey: KeyRowFragment; isOwn: boolean }>;

function Acts({ apiKey, isOwn, onRotate, onRevoked }: ActsProps) {
  const revoke = useAction(RevokeKeyDocument, `The key “${apiKey.name}” is revoked.`);
  const act = async () => {
    const outcome = await revoke({ input: { apiKeyId: apiKey.id } });
    if (outcome.isOk) onRevoked();
    return outcome;
  };
  return (
    <Group gap="xs" wrap="nowrap" justify="flex-end">
      {!apiKey.replacedBy && (
        <Button size="compact-sm" variant="default" onClick={() => onRotate(apiKey)} aria-label={`Rotate ${apiKey.name}`}>
          Rotate
        </Button>
      )}
      {!isOwn && (
        <ConfirmButton
          size="compact-sm"
          isDangerous
          question={`Revoke the key “${apiKey.name}”?`}
          consequence={
            <>
              From now on every request with <Code>{apiKey.prefix}…</Code> is refused with 401. This can’t be undone.
              Webhooks that were made with it go on. To change a key without a gap, rotate it instead.
            </>
          }
          confirm="Revoke the key"
          onConfirm={act}
          aria-label={`Revoke ${apiKey.name}`}
        >
          Revoke
        </ConfirmButton>
      )}
    </Group>
  );
}
