import { Button, Code, Group, Stack, Text, Title } from '@mantine/core';
import { isRouteErrorResponse, Link, useRouteError } from 'react-router';

/** Say what went wrong in a page, or that there is no such page. */
export function Crash() {
  const error = useRouteError();
  const isUnknown = isRouteErrorResponse(error) && error.status === 404;
  return (
    <Stack maw={640} gap="sm">
      <Title order={1} size="h2">
        {isUnknown ? 'There is no such page' : 'This page has failed'}
      </Title>
      {isUnknown ? (
        <Text>The address may be mistyped, or the page has moved.</Text>
      ) : (
        <>
          <Text>Loading it again often helps, above all after the server was updated.</Text>
          <Code block>{error instanceof Error ? error.message : String(error)}</Code>
        </>
      )}
      <Group>
        <Button component={Link} to="/">
          To the overview
        </Button>
        {!isUnknown && (
          <Button variant="default" onClick={() => location.reload()}>
            Load again
          </Button>
        )}
      </Group>
    </Stack>
  );
}
