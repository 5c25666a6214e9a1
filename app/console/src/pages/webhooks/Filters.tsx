import { Group, MultiSelect, Select, TextInput } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { useQuery } from 'urql';

import { isOperator, mayDo, usePrincipal } from '../../api/usePrincipal';
import { SellersOfWebhooksDocument } from '../../gql/graphql';
import { TYPE_OPTIONS } from '../../parts/names';
import { HEALTH_OPTIONS } from '../../parts/StateBadge';
import { useUrlState } from '../../parts/useUrlState';

export const FILTERS = ['q', 'health', 'type', 'owner'] as const;

const PAUSE_MS = 300;
export const listOf = (text: string | null) => (text ? text.split(',') : []);

/** What the list is narrowed to. It is kept in the address. */
export function Filters() {
  const [{ health, type }, set] = useUrlState(FILTERS);
  return (
    <Group gap="sm" align="flex-end">
      <Search />
      <MultiSelect
        label="State"
        placeholder={health ? undefined : 'Any but deleted'}
        data={HEALTH_OPTIONS}
        value={listOf(health)}
        onChange={(chosen) => set({ health: chosen.join() })}
        clearable
        flex="1 1 200px"
      />
      <MultiSelect
        label="About"
        placeholder={type ? undefined : 'Any type'}
        data={TYPE_OPTIONS}
        value={listOf(type)}
        onChange={(chosen) => set({ type: chosen.join() })}
        clearable
        flex="1 1 200px"
      />
      <Owner />
    </Group>
  );
}

function Search() {
  const [{ q }, set] = useUrlState(FILTERS);
  const [text, setText] = useState(q ?? '');
  const saved = useRef(q ?? '');
  const save = useDebouncedCallback((value: string) => {
    saved.current = value;
    set({ q: value });
  }, PAUSE_MS);
  // The address has changed by other means: the button Back, a link.
  useEffect(() => {
    if ((q ?? '') !== saved.current) setText((saved.current = q ?? ''));
  }, [q]);
  return (
    <TextInput
      label="URL or description"
      placeholder="hooks.example.com"
      leftSection={<IconSearch size={16} aria-hidden />}
      value={text}
      onChange={({ currentTarget: { value } }) => {
        setText(value);
        save(value);
      }}
      flex="2 1 240px"
    />
  );
}

function Owner() {
  const [{ owner }, set] = useUrlState(FILTERS);
  const principal = usePrincipal();
  const mayRead = mayDo(principal, 'READ');
  const [{ data }] = useQuery({ query: SellersOfWebhooksDocument, pause: !isOperator(principal) || !mayRead });
  if (!isOperator(principal)) return null;
  const sellers = (data?.sellers.nodes ?? []).map(({ id, businessName }) => ({ value: id, label: businessName }));
  return (
    <Select
      label="Owner"
      placeholder="Anybody"
      data={[
        { value: 'operator', label: 'The operator' },
        { value: 'sellers', label: 'Any seller' },
        ...(sellers.length > 0 ? [{ group: 'One seller', items: sellers }] : []),
      ]}
      value={owner}
      onChange={(chosen) => set({ owner: chosen })}
      searchable
      clearable
      limit={50}
      flex="1 1 180px"
    />
  );
}
