import { Anchor, Card, Code, List, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import type { ReactNode } from 'react';

import { Page } from '../../parts/Page';
import { KeyEntry } from '../../shell/KeyEntry';
import { Health } from './Health';

const GUIDES = [
  ['/docs/getting-started', 'Getting started', 'A webhook about invoices and a receiver for it, step by step.'],
  ['/docs/recipes', 'Recipes', 'Queries, filters and triggers to copy.'],
  ['/docs/receivers-guide', 'Receiver’s guide', 'Signatures, order, repetitions, answers and retries.'],
  ['/docs/api', 'Using the API', 'Keys, scopes, limits, typed clients.'],
] as const;

/** The page of somebody without a key: what this is, how to get a key, where to read. */
export default function Landing() {
  return (
    <Page
      title="Tellgraph"
      about="A GraphQL API for a marketplace. Its webhooks send what each subscriber has asked for, in the form of the subscriber’s own query."
    >
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Part title="Enter your API key">
          <KeyEntry hasHint={false} />
        </Part>
        <Part title="How to get a key">
          <Stack gap="sm">
            <Text size="sm">
              <b>You run this server:</b> make a key in a terminal on it. It is printed once.
            </Text>
            <Code block>tellgraph keys create --name me</Code>
            <Text size="sm">
              <b>You sell on the marketplace:</b> ask its operator for a key. It shows you what is yours: your invoices,
              your webhooks and what was sent to them.
            </Text>
            <Text size="sm">
              <b>You try it out:</b> <Code>make demo</Code> prints a link that carries a key.
            </Text>
          </Stack>
        </Part>
        <Part title="Read">
          <List listStyleType="none" spacing="sm">
            {GUIDES.map(([href, name, about]) => (
              <List.Item key={href}>
                <Anchor href={href} fw={500}>
                  {name}
                </Anchor>
                <Text size="sm" c="dimmed">
                  {about}
                </Text>
              </List.Item>
            ))}
          </List>
        </Part>
        <Part title="Is it running?">
          <Health />
        </Part>
      </SimpleGrid>
    </Page>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card withBorder component="section" padding="lg">
      <Title order={2} size="h4" mb="sm">
        {title}
      </Title>
      {children}
    </Card>
  );
}
