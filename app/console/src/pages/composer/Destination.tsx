import { Anchor, Code, SegmentedControl, Stack, Text, Textarea, TextInput } from '@mantine/core';

import { isOperator, usePrincipal } from '../../api/usePrincipal';
import type { WebhookDeliveryEnum } from '../../gql/graphql';
import { SellerSelect } from '../../parts/SellerSelect';
import type { Change, Draft } from './draft';

/** How events reach the receiver, and where it is. */
export function Destination({ draft, onChange }: { draft: Draft; onChange: Change }) {
  const isPush = draft.delivery === 'PUSH';
  const principal = usePrincipal();
  return (
    <Stack gap="sm">
      {isOperator(principal) && (
        <SellerSelect
          label="Owner"
          description="A seller's webhook is told of what that seller sees, and the seller can change it."
          placeholder="The marketplace"
          value={draft.sellerId}
          onChange={(sellerId) => onChange({ sellerId })}
        />
      )}
      <SegmentedControl
        aria-label="Delivery"
        fullWidth
        data={[
          { value: 'PUSH', label: 'Push to a URL' },
          { value: 'PULL', label: 'Pull by the receiver' },
        ]}
        value={draft.delivery}
        onChange={(value) => onChange({ delivery: value as WebhookDeliveryEnum })}
      />
      {isPush ? (
        <>
          <TextInput
            label="URL"
            description="An https address that Tellgraph reaches."
            type="url"
            placeholder="https://erp.example/tellgraph"
            value={draft.url}
            onChange={({ currentTarget: { value } }) => onChange({ url: value })}
          />
          <Textarea
            label="Headers"
            description="Of each request, one a line, as in Authorization: Bearer … They are stored encrypted."
            autosize
            minRows={1}
            value={draft.headers}
            onChange={({ currentTarget: { value } }) => onChange({ headers: value })}
            spellCheck={false}
          />
        </>
      ) : (
        <Text size="sm" c="dimmed">
          For a receiver without a public address. To try it on your own machine, create the webhook and run{' '}
          <Code>tellgraph listen --remote</Code>.{' '}
          <Anchor href="/docs/receivers#by-pull" target="_blank" size="sm" underline="always">
            Read more
          </Anchor>
        </Text>
      )}
      <TextInput
        label="Description"
        description="A note for yourself."
        value={draft.description}
        onChange={({ currentTarget: { value } }) => onChange({ description: value })}
      />
    </Stack>
  );
}
