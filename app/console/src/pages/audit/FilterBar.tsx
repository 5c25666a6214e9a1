import { Autocomplete, Group, Pill, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useQuery } from 'urql';

import { isOperator, mayDo, usePrincipal } from '../../api/usePrincipal';
import { MutationNamesDocument } from '../../gql/graphql';
import { SellerSelect } from '../../parts/SellerSelect';
import type { Filter, Filters } from './filters';

type Props = Readonly<{ filters: Filters; onChange: (changed: Partial<Filters>) => void }>;

/** Choose which entries are shown. Those of one key, object or request are chosen in the entries themselves. */
export function FilterBar({ filters, onChange }: Props) {
  const principal = usePrincipal();
  return (
    <Group gap="sm" align="flex-end">
      <ActionInput key={filters.action} value={filters.action ?? ''} onCommit={(action) => onChange({ action })} />
      <Day label="From" value={filters.since} onChange={(since) => onChange({ since })} />
      <Day label="To" value={filters.until} onChange={(until) => onChange({ until })} />
      {isOperator(principal) && mayDo(principal, 'READ') && (
        <SellerSelect label="Seller" value={filters.seller} onChange={(seller) => onChange({ seller })} w={220} />
      )}
      <Chosen filters={filters} name="key" label="Key" onChange={onChange} />
      <Chosen filters={filters} name="entity" label="Object" onChange={onChange} />
      <Chosen filters={filters} name="request" label="Request" onChange={onChange} />
    </Group>
  );
}

function ActionInput({ value, onCommit }: { value: string; onCommit: (action: string) => void }) {
  const [text, setText] = useState(value);
  const [isWanted, setWanted] = useState(false);
  const [{ data }] = useQuery({ query: MutationNamesDocument, pause: !isWanted });
  const names = data?.__schema.mutationType?.fields?.map(({ name }) => name) ?? [];
  const commit = (action: string) => {
    if (action.trim() !== value) onCommit(action.trim());
  };
  return (
    <Autocomplete
      label="Mutation or command"
      placeholder="webhookUpdate"
      data={names}
      limit={12}
      value={text}
      onChange={setText}
      onFocus={() => setWanted(true)}
      onOptionSubmit={commit}
      onBlur={() => commit(text)}
      onKeyDown={(event) => event.key === 'Enter' && commit(text)}
      clearable
      onClear={() => commit('')}
      w={240}
    />
  );
}

function Day({ label, value, onChange }: { label: string; value: string | null; onChange: (day: string) => void }) {
  return <TextInput type="date" label={label} value={value ?? ''} onChange={(event) => onChange(event.currentTarget.value)} w={150} />;
}

type ChosenProps = Props & Readonly<{ name: Filter; label: string }>;

function Chosen({ filters, name, label, onChange }: ChosenProps) {
  const value = filters[name];
  if (!value) return null;
  return (
    <Pill
      size="lg"
      withRemoveButton
      onRemove={() => onChange({ [name]: null })}
      removeButtonProps={{ 'aria-label': `Show every ${label.toLowerCase()}`, tabIndex: 0 }}
    >
      {label}: {value}
    </Pill>
  );
}
