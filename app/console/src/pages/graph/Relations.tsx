import { Anchor, Stack, Text } from '@mantine/core';

import { Empty } from '../../parts/Empty';
import type { Relation } from './neighbourhood';

type Props = Readonly<{ centre: string; relations: readonly Relation[]; onChoose: (type: string) => void }>;

/** The relations of the type in the middle as a list, for screens that are too small for a drawing's words. */
export function Relations({ centre, relations, onChoose }: Props) {
  if (relations.length === 0) return <Empty title={`${centre} leads to no other type`} />;
  return (
    <Stack component="ul" aria-label={`Relations of ${centre}`} gap="xs" p="sm" m={0} style={{ listStyle: 'none' }}>
      {relations.map(({ field, target, description }) => (
        <li key={field}>
          <Text size="sm">
            {field} →{' '}
            <Anchor component="button" type="button" size="sm" underline="always" onClick={() => onChoose(target)}>
              {target}
            </Anchor>
          </Text>
          <Text size="xs" c="dimmed">
            {description}
          </Text>
        </li>
      ))}
    </Stack>
  );
}
