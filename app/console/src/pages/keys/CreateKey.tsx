import { Button, Checkbox, Group, NativeSelect, SegmentedControl, Stack, TextInput } from '@mantine/core';
import { useState, type FormEvent } from 'react';
import { useMutation } from 'urql';

import { CreateKeyDocument, type ApiKeyScopeEnum } from '../../gql/graphql';
import { Failure } from '../../parts/Failure';
import { SellerSelect } from '../../parts/SellerSelect';
import { LIFETIMES, endOf } from './lifetimes';
import type { MadeKey } from './NewKey';
import { scopesFor } from './scopes';

type Owner = 'OPERATOR' | 'SELLER';

/** Ask for the name, the owner, the end and the scopes of a new key, and make it. */
export function CreateKey({ onMade }: { onMade: (made: MadeKey) => void }) {
  const [name, setName] = useState('');
  const [owner, setOwner] = useState<Owner>('OPERATOR');
  const [sellerId, setSellerId] = useState<string | null>(null);
  const [lifetime, setLifetime] = useState<string>(LIFETIMES[2].value);
  const [date, setDate] = useState('');
  const [scopes, setScopes] = useState<ApiKeyScopeEnum[]>(['READ']);
  const [{ data, error, fetching }, create] = useMutation(CreateKeyDocument);

  const isSeller = owner === 'SELLER';
  const offered = scopesFor(isSeller);
  const chosen = offered.map(({ scope }) => scope).filter((scope) => scopes.includes(scope));
  const isComplete = name.trim() !== '' && chosen.length > 0 && (!isSeller || sellerId !== null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const input = { name: name.trim(), sellerId: isSeller ? sellerId : null, scopes: chosen };
    const made = (await create({ input: { ...input, expiresAt: endOf(lifetime, date) } })).data?.apiKeyCreate;
    if (made?.key && made.apiKey) onMade({ key: made.key, name: made.apiKey.name });
  };

  return (
    <form onSubmit={(event) => void submit(event)}>
      <Stack gap="md">
        <TextInput
          label="Name"
          description="What the key is for, such as “the ERP”."
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          required
          data-autofocus
        />
        <SegmentedControl
          aria-label="Whose key it is"
          value={owner}
          onChange={(value) => setOwner(value as Owner)}
          data={[
            { value: 'OPERATOR', label: 'The operator’s' },
            { value: 'SELLER', label: 'A seller’s' },
          ]}
        />
        {isSeller && (
          <SellerSelect label="Seller" placeholder="Choose a seller" description="The key sees what is this seller’s." value={sellerId} onChange={setSellerId} />
        )}
        <Checkbox.Group label="Scopes" description="What the key may do." value={chosen} onChange={(value) => setScopes(value as ApiKeyScopeEnum[])}>
          <Stack gap="xs" mt="xs">
            {offered.map(({ scope, label, description }) => (
              <Checkbox key={scope} value={scope} label={label} description={description} />
            ))}
          </Stack>
        </Checkbox.Group>
        <Group grow align="flex-end">
          <NativeSelect
            label="Ends"
            value={lifetime}
            onChange={(event) => setLifetime(event.currentTarget.value)}
            data={LIFETIMES.map(({ value, label }) => ({ value, label }))}
          />
          {lifetime === 'date' && (
            <TextInput type="date" label="On" value={date} onChange={(event) => setDate(event.currentTarget.value)} required />
          )}
        </Group>
        <Failure error={error} refusals={data?.apiKeyCreate?.errors} />
        <Group justify="flex-end">
          <Button type="submit" loading={fetching} disabled={!isComplete}>
            Create the key
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
