import { SimpleGrid, Skeleton, Text, VisuallyHidden } from '@mantine/core';
import { useDocumentVisibility, useInterval } from '@mantine/hooks';
import { lazy, Suspense, useEffect } from 'react';
import { useQuery } from 'urql';

import { DeliveryStatisticsDocument } from '../../gql/graphql';
import { Failure } from '../../parts/Failure';
import { Section } from '../../parts/Section';
import { sayWhen } from '../../parts/When';
import { Figure } from './Figure';

// The library of charts is larger than the rest of the page.
const HourChart = lazy(() => import('./HourChart'));

const EVERY_MS = 10_000;
const MOST_COUNTED = 10_000;

const say = (count: number | undefined) => {
  if (count === undefined) return undefined;
  return count >= MOST_COUNTED ? `${MOST_COUNTED.toLocaleString('en')} or more` : count.toLocaleString('en');
};

/** What is still to be sent, and how the last hour went. It is asked for again every ten seconds. */
export function Deliveries() {
  const [{ data, error }, ask] = useQuery({ query: DeliveryStatisticsDocument });
  const isVisible = useDocumentVisibility() === 'visible';
  const { start, stop } = useInterval(() => ask({ requestPolicy: 'network-only' }), EVERY_MS);
  useEffect(() => {
    if (isVisible) start();
    return stop;
  }, [isVisible, start, stop]);

  const statistics = data?.deliveryStatistics;
  const { waiting, sending, held, oldestDueAt } = statistics?.backlog ?? {};
  const delivered = statistics?.minutes.reduce((sum, { succeeded }) => sum + succeeded, 0);
  const failed = statistics?.minutes.reduce((sum, minute) => sum + minute.failed, 0);
  const isLate = oldestDueAt ? Date.parse(oldestDueAt) < Date.now() - 60_000 : false;
  return (
    <>
      <Failure error={error} title="The figures can't be shown" />
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 5 }} spacing="sm">
        <Figure
          label="Waiting"
          value={say(waiting)}
          note={oldestDueAt ? `the first is due ${sayWhen(oldestDueAt)}` : 'nothing is due'}
          isBad={isLate}
        />
        <Figure label="Being sent" value={say(sending)} />
        <Figure label="Held" value={say(held)} note="for disabled webhooks" />
        <Figure label="Delivered in the last hour" value={say(delivered)} />
        <Figure label="Failed attempts in the last hour" value={say(failed)} isBad={(failed ?? 0) > 0} />
      </SimpleGrid>
      <Section title="The last hour">
        {delivered === 0 && failed === 0 ? (
          <Text size="sm" c="dimmed">
            Nothing was sent in the last hour.
          </Text>
        ) : (
          <>
            <VisuallyHidden>
              {delivered} attempts succeeded and {failed} failed.
            </VisuallyHidden>
            <Suspense fallback={<Skeleton h={220} />}>
              {statistics ? <HourChart minutes={statistics.minutes} /> : <Skeleton h={220} />}
            </Suspense>
          </>
        )}
      </Section>
    </>
  );
}
