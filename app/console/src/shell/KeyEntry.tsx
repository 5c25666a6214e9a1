import { Button, Code, PasswordInput, Stack, Text } from '@mantine/core';
import { useState, type FormEvent } from 'react';

import { setKey, type KeyState } from '../api/session';
import { useSession } from '../api/useSession';

const PROBLEMS: Partial<Record<KeyState, string>> = {
  malformed: 'This key contains characters that a header cannot carry.',
  refused: 'The API refuses this key (401): it is unknown, revoked or expired.',
};

/** Ask for an API key. It stays in this tab. */
export function KeyEntry({ onEntered, hasHint = true }: { onEntered?: () => void; hasHint?: boolean }) {
  const { key, state } = useSession();
  const [text, setText] = useState(key);
  const enter = (event: FormEvent) => {
    event.preventDefault();
    setKey(text);
    if (text.trim() !== '') onEntered?.();
  };
  return (
    <form onSubmit={enter}>
      <Stack gap="sm">
        <PasswordInput
          label="API key"
          placeholder="tgk_…"
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          error={text.trim() === key ? PROBLEMS[state] : undefined}
          data-autofocus
        />
        <Button type="submit" disabled={text.trim() === ''}>
          Use key
        </Button>
        <Text size="sm" c="dimmed">
          {hasHint && (
            <>
              <Code>tellgraph keys create --name me</Code> makes one for the operator.{' '}
            </>
          )}
          The key stays in this tab and is forgotten when you close it.
        </Text>
      </Stack>
    </form>
  );
}
