import '@mantine/charts/styles.css';

import { BarChart } from '@mantine/charts';

import type { DeliveryStatisticsQuery } from '../../gql/graphql';

type Minutes = NonNullable<DeliveryStatisticsQuery['deliveryStatistics']>['minutes'];

const CLOCK = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hour12: false });

/** The attempts of the last hour, minute by minute. */
export default function HourChart({ minutes }: { minutes: Minutes }) {
  return (
    <BarChart
      h={220}
      data={minutes.map(({ startedAt, succeeded, failed }) => ({
        minute: CLOCK.format(new Date(startedAt)),
        Delivered: succeeded,
        Failed: failed,
      }))}
      dataKey="minute"
      type="stacked"
      series={[
        { name: 'Delivered', color: 'teal.6' },
        { name: 'Failed', color: 'red.6' },
      ]}
      withLegend
      legendProps={{ verticalAlign: 'top', height: 36 }}
      gridAxis="x"
      xAxisProps={{ minTickGap: 40 }}
      yAxisProps={{ allowDecimals: false, width: 44 }}
      barProps={{ isAnimationActive: false }}
    />
  );
}
