import { Card, Skeleton, Text } from '@mantine/core';

type Props = Readonly<{
  label: string;
  /** Absent while it is not known. */
  value: string | undefined;
  note?: string;
  isBad?: boolean;
}>;

export function Figure({ label, value, note, isBad = false }: Props) {
  return (
    <Card withBorder padding="sm" component="section" aria-label={label}>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
      {value === undefined ? (
        <Skeleton h={28} w={60} my={6} />
      ) : (
        <Text size="xl" fw={700} c={isBad ? 'var(--mantine-color-error)' : undefined}>
          {value}
        </Text>
      )}
      {note && (
        <Text size="xs" c="dimmed">
          {note}
        </Text>
      )}
    </Card>
  );
}
