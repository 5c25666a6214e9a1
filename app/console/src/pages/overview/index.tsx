import { Anchor, Button, Skeleton, Stack } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useEffect } from 'react';
import { Link } from 'react-router';
import { useQuery } from 'urql';

import { useActivity } from '../../api/useActivity';
import { LatestEventsDocument, TroubledWebhooksDocument } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { EventTable } from '../../parts/EventTable';
import { Failure } from '../../parts/Failure';
import { Live } from '../../parts/Live';
import { Page } from '../../parts/Page';
import { Section } from '../../parts/Section';
import { Deliveries } from './Deliveries';
import { Troubled } from './Troubled';

const SHOWN = 15;

export function Component() {
  const [{ data: found, error: webhooksError }, askForWebhooks] = useQuery({ query: TroubledWebhooksDocument });
  const [{ data: latest, error: eventsError, fetching }] = useQuery({ query: LatestEventsDocument });
  const { events, isLive } = useActivity({ limit: SHOWN });

  // An outcome may have changed whether a webhook works.
  const outcome = events.find(({ attemptCount }) => attemptCount > 0);
  const outcomeKey = outcome && `${outcome.webhook.id} ${outcome.lastStatus}`;
  useEffect(() => {
    if (outcomeKey) askForWebhooks({ requestPolicy: 'network-only' });
  }, [outcomeKey, askForWebhooks]);

  const live = new Set(events.map(({ id }) => id));
  const former = (latest?.webhookEvents.nodes ?? []).filter(({ id }) => !live.has(id));
  const shown = [...events, ...former].slice(0, SHOWN);
  const troubled = [...(found?.troubled.nodes ?? []), ...(found?.disabled.nodes ?? [])];
  const isMore = found?.troubled.pageInfo.hasNextPage || found?.disabled.pageInfo.hasNextPage;
  const isNew = found?.webhooks.nodes.length === 0;
  const newWebhook = (
    <Button component={Link} to="/webhooks/new" leftSection={<IconPlus size={16} />}>
      New webhook
    </Button>
  );
  return (
    <Page title="Overview" about="How deliveries go, and what needs a person." actions={newWebhook}>
      <Failure error={webhooksError ?? eventsError} />
      {isNew ? (
        <Empty title="There are no webhooks yet">
          A webhook sends you what a GraphQL query of yours gives, whenever that changes.
          <Stack align="center" mt="md">
            {newWebhook}
          </Stack>
        </Empty>
      ) : (
        <>
          <Deliveries />
          <Section title="Needs attention">
            {found ? <Troubled webhooks={troubled} /> : <Skeleton h={120} />}
            {isMore && (
              <Anchor component={Link} to="/webhooks?health=DISABLED_BY_TELLGRAPH,BROKEN,FAILING,DISABLED" size="sm">
                Show all
              </Anchor>
            )}
          </Section>
          <Section title="What happened last" actions={<Live isLive={isLive} />}>
            <EventTable
              events={shown}
              isLoading={fetching}
              withWebhook
              empty="No webhook has been sent anything yet. Press Test on a webhook's page to send it a sample."
            />
          </Section>
        </>
      )}
    </Page>
  );
}
