import { Button, Group, Text } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';

import { useUrlState } from './useUrlState';

export type PageInfo = Readonly<{
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  startCursor?: string | null;
  endCursor?: string | null;
}>;

/** The paging arguments of a connection by the address: `?after=` or `?before=`. */
export function usePaging(size: number): { first?: number; after?: string; last?: number; before?: string } {
  const [{ after, before }] = useUrlState(['after', 'before']);
  if (before) return { last: size, before };
  return after ? { first: size, after } : { first: size };
}

/** Buttons to the pages before and after, kept in the address. */
export function Pager({ pageInfo, total }: { pageInfo: PageInfo | undefined; total?: number | null }) {
  const [, setState] = useUrlState(['after', 'before']);
  const next = pageInfo?.hasNextPage ? pageInfo.endCursor : null;
  const previous = pageInfo?.hasPreviousPage ? pageInfo.startCursor : null;
  const isAlone = !next && !previous;
  if (isAlone && total == null) return null;
  return (
    <Group justify="space-between" gap="xs" mt="sm">
      <Text size="sm" c="dimmed">
        {total == null ? '' : `${total.toLocaleString('en')} in all`}
      </Text>
      {!isAlone && (
        <Group gap="xs">
          <Button
            variant="default"
            size="xs"
            leftSection={<IconChevronLeft size={14} />}
            disabled={!previous}
            onClick={() => setState({ before: previous, after: null })}
          >
            Previous
          </Button>
          <Button
            variant="default"
            size="xs"
            rightSection={<IconChevronRight size={14} />}
            disabled={!next}
            onClick={() => setState({ after: next, before: null })}
          >
            Next
          </Button>
        </Group>
      )}
    </Group>
  );
}
