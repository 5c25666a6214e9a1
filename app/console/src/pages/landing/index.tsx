import { Card, Center } from '@mantine/core';

import { Page } from '../../parts/Page';
import { KeyEntry } from '../../shell/KeyEntry';

export default function Landing() {
  return (
    <Page title="Tellgraph" about="A GraphQL API whose webhooks carry exactly the GraphQL that each subscriber asked for.">
      <Center>
        <Card withBorder w="100%" maw={480} padding="lg">
          <KeyEntry />
        </Card>
      </Center>
    </Page>
  );
}
