import { Alert, Anchor, Code, List, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { CombinedError } from 'urql';

/** A refusal in the payload of a mutation. */
export type Refusal = Readonly<{ field?: string | null; messages: readonly string[]; docs?: string | null }>;

type Problem = Readonly<{ text: string; code?: string; docs?: string }>;

type Props = Readonly<{
  error?: CombinedError | null;
  refusals?: readonly Refusal[] | null;
  title?: string;
}>;

/** What the API says went wrong, in its own words, with a link to the page that tells more. */
export function Failure({ error, refusals, title = 'That did not work' }: Props) {
  const problems = [...(error ? problemsOf(error) : []), ...(refusals ?? []).flatMap(saidOf)];
  if (problems.length === 0) return null;
  return (
    <Alert color="red" icon={<IconAlertTriangle aria-hidden />} title={title} role="alert">
      <List listStyleType="none" spacing={4}>
        {problems.map(({ text, code, docs }, index) => (
          <List.Item key={index}>
            <Text span size="sm" style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
              {text}
            </Text>{' '}
            {code && <Code>{code}</Code>}{' '}
            {docs && (
              <Anchor href={docs} size="sm" target="_blank">
                Read more
              </Anchor>
            )}
          </List.Item>
        ))}
      </List>
    </Alert>
  );
}

function problemsOf(error: CombinedError): Problem[] {
  if (error.networkError) return [{ text: `The server did not answer: ${error.networkError.message}` }];
  return error.graphQLErrors.map(({ message, extensions }) => {
    const code = typeof extensions['code'] === 'string' ? extensions['code'] : undefined;
    const docs = typeof extensions['docs'] === 'string' ? extensions['docs'] : code && `/docs/errors#${code.toLowerCase()}`;
    return { text: message, code, docs };
  });
}

function saidOf({ field, messages, docs }: Refusal): Problem[] {
  return messages.map((message) => ({
    text: field && field !== 'base' ? `${field}: ${message}` : message,
    docs: docs ?? undefined,
  }));
}
