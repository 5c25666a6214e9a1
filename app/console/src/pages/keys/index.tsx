import { Button, Group, Modal, Select } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useQuery } from 'urql';

import { isOperator, mayDo, usePrincipal } from '../../api/usePrincipal';
import { KeysDocument, type ApiKeyPrincipalTypeEnum, type ApiKeyStateEnum, type KeyRowFragment } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Page } from '../../parts/Page';
import { Pager } from '../../parts/Pager';
import { SellerSelect } from '../../parts/SellerSelect';
import { useUrlState } from '../../parts/useUrlState';
import { Waiting } from '../../shell/Waiting';
import { CreateKey } from './CreateKey';
import { KeyTable } from './KeyTable';
import { NewKey, type MadeKey } from './NewKey';
import { RotateKey } from './RotateKey';

const SIZE = 50;
const STATES: readonly { value: ApiKeyStateEnum; label: string }[] = [
  { value: 'LIVE', label: 'Live' },
  { value: 'EXPIRED', label: 'Expired' },
  { value: 'REVOKED', label: 'Revoked' },
];
const OWNERS: readonly { value: ApiKeyPrincipalTypeEnum; label: string }[] = [
  { value: 'OPERATOR', label: 'The operator’s' },
  { value: 'SELLER', label: 'Sellers’' },
];

/** What the dialog is about; null: it is closed. */
type Dialog = { act: 'create' } | { act: 'rotate'; apiKey: KeyRowFragment } | { act: 'show'; made: MadeKey } | null;

const TITLES = { create: 'Create a key', rotate: 'Rotate the key', show: 'The new key' };

/** The API keys of the operator and of all sellers, for whoever may manage them. */
export function Component() {
  const principal = usePrincipal();
  if (principal === null) return <Waiting />;
  if (isOperator(principal) && mayDo(principal, 'KEYS')) return <Keys />;
  return (
    <Page title="Keys">
      <Empty title={isOperator(principal) ? 'This key may not manage keys' : 'Only the operator manages keys'} icon={IconKey}>
        {isOperator(principal) ? 'It needs the scope Keys.' : 'Ask the operator of the marketplace for a new key, or to revoke one.'}
      </Empty>
    </Page>
  );
}

function Keys() {
  const [{ state, owner, seller, after, before }, setFilters] = useUrlState(['state', 'owner', 'seller', 'after', 'before']);
  const [dialog, setDialog] = useState<Dialog>(null);
  const filters = {
    states: state ? [state as ApiKeyStateEnum] : null,
    type: owner ? (owner as ApiKeyPrincipalTypeEnum) : null,
    sellerId: seller,
  };
  // The API lists the oldest first, the page the newest.
  const place = before ? { first: SIZE, after: before } : { last: SIZE, before: after };
  const [{ data, error, fetching }, read] = useQuery({ query: KeysDocument, variables: { filters, ...place } });
  const page = data?.apiKeys ?? undefined;
  const pageInfo = page && {
    hasNextPage: page.pageInfo.hasPreviousPage,
    hasPreviousPage: page.pageInfo.hasNextPage,
    startCursor: page.pageInfo.endCursor,
    endCursor: page.pageInfo.startCursor,
  };
  const close = () => setDialog(null);
  const show = (made: MadeKey) => {
    setDialog({ act: 'show', made });
    read({ requestPolicy: 'network-only' });
  };
  const isFiltered = Boolean(state || owner || seller);
  return (
    <Page
      title="Keys"
      about="Who may use the API, and what for. A key is shown once, when it is made."
      actions={
        <Button leftSection={<IconPlus size={16} />} onClick={() => setDialog({ act: 'create' })}>
          Create a key
        </Button>
      }
    >
      <Group gap="sm">
        <Select label="State" placeholder="Any" data={STATES} value={state} onChange={(value) => setFilters({ state: value })} clearable w={150} />
        <Select label="Owner" placeholder="Anybody" data={OWNERS} value={owner} onChange={(value) => setFilters({ owner: value })} clearable w={160} />
        <SellerSelect label="Seller" value={seller} onChange={(value) => setFilters({ seller: value })} w={240} />
      </Group>
      <Failure error={error} />
      <KeyTable
        keys={page ? [...page.nodes].reverse() : []}
        isLoading={fetching && !page}
        onRotate={(apiKey) => setDialog({ act: 'rotate', apiKey })}
        onRevoked={() => read({ requestPolicy: 'network-only' })}
        empty={
          <Empty title={isFiltered ? 'No key is like that' : 'There is no key yet'} icon={IconKey}>
            {isFiltered ? 'Remove a filter to see others.' : 'Create one for each program and each person that uses the API.'}
          </Empty>
        }
      />
      <Pager pageInfo={pageInfo} total={page?.totalCount} />
      <Modal
        opened={dialog !== null}
        onClose={close}
        title={dialog && TITLES[dialog.act]}
        size="lg"
        // A key that nobody has copied is lost.
        closeOnClickOutside={dialog?.act !== 'show'}
        closeOnEscape={dialog?.act !== 'show'}
        withCloseButton={dialog?.act !== 'show'}
      >
        {dialog?.act === 'create' && <CreateKey onMade={show} />}
        {dialog?.act === 'rotate' && <RotateKey apiKey={dialog.apiKey} onMade={show} />}
        {dialog?.act === 'show' && <NewKey made={dialog.made} onDone={close} />}
      </Modal>
    </Page>
  );
}
