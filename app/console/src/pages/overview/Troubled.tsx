import { Anchor, Group, Stack, Text } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { Link } from 'react-router';

import type { TroubledWebhookFragment } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { sayType, sayWebhook, webhookPath } from '../../parts/names';
import { HealthBadge } from '../../parts/StateBadge';
import { When } from '../../parts/When';

/** The webhooks that do not work, the most urgent first. */
export function Troubled({ webhooks }: { webhooks: readonly TroubledWebhookFragment[] }) {
  if (webhooks.length === 0) {
    return (
      <Empty title="Every webhook works" icon={IconCircleCheck}>
        None is failing or disabled.
      </Empty>
    );
  }
  return (
    <Stack gap="sm" component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
      {webhooks.map((webhook) => (
        <li key={webhook.id}>
          <Group gap="xs">
            <Anchor component={Link} to={webhookPath(webhook.id)} size="sm" style={{ overflowWrap: 'anywhere' }}>
              {sayWebhook(webhook)}
            </Anchor>
            <HealthBadge health={webhook.health} />
          </Group>
          <Text size="sm" c="dimmed">
            {sayType(webhook.type)}
            {webhook.healthSince && (
              <>
                {' · since '}
                <When at={webhook.healthSince} />
              </>
            )}
          </Text>
          {webhook.healthReason && <Text size="sm">{webhook.healthReason}</Text>}
        </li>
      ))}
    </Stack>
  );
}
