import { Button, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useMutation } from 'urql';

import { RotateKeyDocument, type KeyRowFragment } from '../../gql/graphql';
import { Failure } from '../../parts/Failure';
import { OVERLAPS } from './lifetimes';
import type { MadeKey } from './NewKey';

/** Ask how long the old key shall still work, and make the one that replaces it. */
export function RotateKey({ apiKey, onMade }: { apiKey: KeyRowFragment; onMade: (made: MadeKey) => void }) {
  const [overlap, setOverlap] = useState('86400');
  const [{ data, error, fetching }, rotate] = useMutation(RotateKeyDocument);
  const submit = async () => {
    const answer = await rotate({ input: { apiKeyId: apiKey.id, overlapSeconds: Number(overlap) } });
    const made = answer.data?.apiKeyRotate;
    if (made?.key && made.apiKey) onMade({ key: made.key, name: made.apiKey.name });
  };
  return (
    <Stack gap="md">
      <Text>
        A new key with the same name, owner and scopes is made and shown once. The old one, {apiKey.prefix}…, ends after
        the time that you choose.
      </Text>
      <NativeSelect
        label="How long the old key still works"
        value={overlap}
        onChange={(event) => setOverlap(event.currentTarget.value)}
        data={OVERLAPS.map(({ value, label }) => ({ value, label }))}
        data-autofocus
      />
      {overlap === '0' && <Text c="red">Programs that still send the old key are refused at once.</Text>}
      <Failure error={error} refusals={data?.apiKeyRotate?.errors} />
      <Group justify="flex-end">
        <Button loading={fetching} onClick={() => void submit()}>
          Rotate the key
        </Button>
      </Group>
    </Stack>
  );
}
