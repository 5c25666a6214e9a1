import { Alert, Button, Code, Grid, Group, Stack, Tabs, Text } from '@mantine/core';
import type { ComponentProps } from 'react';
import { Link } from 'react-router';
import { useQuery } from 'urql';

import { ComposerTypesDocument } from '../../gql/graphql';
import { Copy, Json } from '../../parts/Json';
import { Page } from '../../parts/Page';
import { Section } from '../../parts/Section';
import { Warnings } from '../../parts/Warnings';
import { Arrival } from './Arrival';
import { curlOf, filesOf, mutationOf, pythonOf, typescriptOf, type Made } from './receivers';

type File = Readonly<{ name: string; text: string }>;
type Props = Made & ComponentProps<typeof Warnings> & Readonly<{ entityId: string | null; onAgain: () => void }>;

/** After the creation: the secret, the receiver's code, and a test that is seen to arrive. */
export function Created({ entityId, warnings, onAgain, ...made }: Props) {
  const { draft, webhookId, secret } = made;
  const [types] = useQuery({ query: ComposerTypesDocument, variables: { id: webhookId } });
  const node = types.data?.node?.__typename === 'Webhook' ? types.data.node : null;
  const ways: { name: string; files: File[] }[] = [
    {
      name: 'TypeScript',
      files: [
        { name: 'receiver.ts', text: typescriptOf(made) },
        { name: 'payload.ts', text: node?.typescript ?? '' },
      ],
    },
    {
      name: 'Python',
      files: [
        { name: 'receiver.py', text: pythonOf(made) },
        { name: 'payload.py', text: node?.python ?? '' },
      ],
    },
    { name: 'Mutation', files: [{ name: 'The same as a mutation', text: mutationOf(made) }] },
    { name: 'Files', files: filesOf(made) },
    { name: 'curl', files: [{ name: 'The same as a command', text: curlOf(made) }] },
  ];
  return (
    <Page
      title="The webhook is registered"
      about={draft.delivery === 'PUSH' ? `It POSTs to ${draft.url}` : 'Its receiver takes the messages.'}
      actions={
        <>
          <Button variant="default" onClick={onAgain}>
            Another one like it
          </Button>
          <Button renderRoot={(props) => <Link {...props} to={`/webhooks/${encodeURIComponent(webhookId)}`} />}>
            Open the webhook
          </Button>
        </>
      }
    >
      <Warnings warnings={warnings} />
      {secret && (
        <Alert color="yellow" title="Copy the signing secret now">
          <Group gap="xs" wrap="nowrap">
            <Code style={{ overflowWrap: 'anywhere' }}>
              {secret}
            </Code>
            <Copy text={secret} label="Copy the secret" />
          </Group>
          <Text size="sm" mt="xs">
            It is shown this once. The receiver verifies with it that a request comes from here.
          </Text>
        </Alert>
      )}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Section title="The receiver">
            <Tabs defaultValue="TypeScript">
              <Tabs.List aria-label="Language" mb="sm">
                {ways.map(({ name }) => (
                  <Tabs.Tab key={name} value={name}>
                    {name}
                  </Tabs.Tab>
                ))}
              </Tabs.List>
              {ways.map(({ name, files }) => (
                <Tabs.Panel key={name} value={name}>
                  <Stack gap="sm">
                    {files.map((file) => (
                      <div key={file.name}>
                        <Text size="sm" fw={600} mb={4}>
                          {file.name}
                        </Text>
                        <Json value={file.text} label={file.name} maxHeight={440} />
                      </div>
                    ))}
                  </Stack>
                </Tabs.Panel>
              ))}
            </Tabs>
          </Section>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Stack>
            <Arrival webhookId={webhookId} entityId={entityId} isPull={draft.delivery === 'PULL'} />
          </Stack>
        </Grid.Col>
      </Grid>
    </Page>
  );
}
