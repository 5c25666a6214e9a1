import { Stack, Text, ThemeIcon } from '@mantine/core';
import { IconInbox, type Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** What stands where there is nothing: why, and what to do next. */
export function Empty({ title, children, icon: Symbol = IconInbox }: { title: string; children?: ReactNode; icon?: Icon }) {
  return (
    <Stack align="center" gap="xs" py="xl" px="md" ta="center">
      <ThemeIcon size={44} radius="xl" variant="light" color="gray" aria-hidden>
        <Symbol size={24} stroke={1.5} />
      </ThemeIcon>
      <Text fw={600}>{title}</Text>
      <Text component="div" size="sm" c="dimmed" maw={460}>
        {children}
      </Text>
    </Stack>
  );
}
