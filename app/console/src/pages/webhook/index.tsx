import { Anchor, Group, Skeleton, Tabs, Text } from '@mantine/core';
import { Link, useLocation, useParams } from 'react-router';
import type { ComponentProps } from 'react';
import { useQuery } from 'urql';

import { mayDo, usePrincipal } from '../../api/usePrincipal';
import { WebhookPageDocument, type WebhookDetailsFragment } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { sayType, sayWebhook } from '../../parts/names';
import { Page } from '../../parts/Page';
import { HealthBadge } from '../../parts/StateBadge';
import { useUrlState } from '../../parts/useUrlState';
import { Warnings } from '../../parts/Warnings';
import { When } from '../../parts/When';
import { Actions } from './Actions';
import { Deliveries } from './Deliveries';
import { Health } from './Health';
import { History } from './History';
import { Runs } from './Runs';
import { Secrets } from './Secrets';
import { Settings } from './Settings';

const TABS = [
  ['deliveries', 'Deliveries'],
  ['settings', 'Settings'],
  ['secrets', 'Secrets'],
  ['runs', 'Replay and compare'],
  ['history', 'History'],
] as const;

/** One webhook: whether it works, its deliveries as they happen, its settings, and what can be done with it. */
export function Component() {
  const { id = '' } = useParams();
  // The composer has saved it just now, and passes on what the API thinks of it.
  const { warnings = [] } = (useLocation().state ?? {}) as { warnings?: ComponentProps<typeof Warnings>['warnings'] };
  const principal = usePrincipal();
  const [{ tab }, setState] = useUrlState(['tab', 'state']);
  const [{ data, error, fetching }, ask] = useQuery({
    query: WebhookPageDocument,
    variables: { id, withSeller: mayDo(principal, 'READ') },
    pause: principal === null,
  });
  const isLoading = fetching || principal === null;
  const webhook = data?.node?.__typename === 'Webhook' ? data.node : null;
  if (!webhook) {
    return (
      <Page title="Webhook">
        <Failure error={error} title="The webhook can't be shown" />
        {isLoading && <Skeleton height={240} />}
        {!isLoading && !error && (
          <Empty title="There is no such webhook">
            It may have been deleted, or belong to another owner.{' '}
            <Anchor component={Link} to="/webhooks">
              See all webhooks
            </Anchor>
          </Empty>
        )}
      </Page>
    );
  }
  const shown = TABS.find(([name]) => name === tab)?.[0] ?? 'deliveries';
  return (
    <Page
      title={sayWebhook(webhook)}
      about={<About webhook={webhook} seller={webhook.seller?.businessName} />}
      actions={webhook.deletedAt ? null : <Actions webhook={webhook} />}
    >
      <Failure error={error} title="The webhook can't be loaded again" />
      <Warnings warnings={warnings} />
      <Health webhook={webhook} lastFailure={data?.deliveryAttempts.nodes[0]} />
      <Tabs value={shown} onChange={(value) => setState({ tab: value, state: null })} keepMounted={false}>
        <Tabs.List mb="md">
          {TABS.map(([name, label]) => (
            <Tabs.Tab key={name} value={name}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="deliveries">
          <Deliveries webhook={webhook} onChange={() => ask({ requestPolicy: 'network-only' })} />
        </Tabs.Panel>
        <Tabs.Panel value="settings">
          <Settings webhook={webhook} />
        </Tabs.Panel>
        <Tabs.Panel value="secrets">
          <Secrets webhook={webhook} />
        </Tabs.Panel>
        <Tabs.Panel value="runs">
          <Runs webhook={webhook} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <History id={webhook.id} />
        </Tabs.Panel>
      </Tabs>
    </Page>
  );
}

function About({ webhook, seller }: { webhook: WebhookDetailsFragment; seller: string | undefined }) {
  return (
    <Group gap="xs">
      <HealthBadge health={webhook.health} />
      <Text span inherit style={{ overflowWrap: 'anywhere' }}>
        {sayType(webhook.type)}: {webhook.eventNames.join(', ').toLowerCase()} →{' '}
        {webhook.url ?? 'whoever takes its messages (pull)'}
        {seller && `, of the seller ${seller}`}
      </Text>
      {webhook.delivery === 'PULL' && (
        <Text span inherit>
          {webhook.lastTakenAt ? 'Last taken ' : 'Nobody has taken its messages yet.'}
          {webhook.lastTakenAt && <When at={webhook.lastTakenAt} />}
          {webhook.isTemporary && ' It is temporary: an hour after that it is deleted.'}
        </Text>
      )}
    </Group>
  );
}
