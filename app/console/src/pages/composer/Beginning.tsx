import { Checkbox, Group, Select, SimpleGrid, Stack, Text } from '@mantine/core';
import { modals } from '@mantine/modals';
import { useMemo } from 'react';
import { useSearchParams } from 'react-router';

import type { RecipeFragment, WebhookEventEnum, WebhookKlassEnum } from '../../gql/graphql';
import { draftOfRecipe, emptyDraft, eventsOf, TYPES, type Change, type Draft } from './draft';

type Props = Readonly<{
  draft: Draft;
  recipes: readonly RecipeFragment[];
  onReplace: (draft: Draft) => void;
  onChange: Change;
  /** Whether the webhook exists already: its type stays. */
  isStored: boolean;
}>;

const SKELETON = '-';
const EVENT_WORDS: Record<WebhookEventEnum, string> = { CREATE: 'created', UPDATE: 'updated', DESTROY: 'destroyed' };

/** The type, the recipe to begin from, and the kinds of change. */
export function Beginning({ draft, recipes, onReplace, onChange, isStored }: Props) {
  const [parameters, setParameters] = useSearchParams();
  const types = useMemo(() => [...new Set(recipes.map(({ type }) => type))], [recipes]);
  const ofType = recipes.filter(({ type }) => type === draft.type);
  const chosen = ofType.find(({ queryString, filter }) => queryString === draft.queryString && (filter ?? '') === draft.filter);
  const isOwnWork = !chosen && draft.queryString !== emptyDraft(draft.type).queryString;

  const begin = (type: WebhookKlassEnum, recipe: RecipeFragment | undefined) => {
    const next = recipe ? draftOfRecipe(recipe, draft) : emptyDraft(type, draft);
    const replace = () => {
      onReplace(next);
      const address = new URLSearchParams(parameters);
      if (recipe) address.set('recipe', recipe.name);
      else address.delete('recipe');
      setParameters(address, { replace: true, preventScrollReset: true });
    };
    if (!isOwnWork) return replace();
    modals.openConfirmModal({
      title: 'Replace your query?',
      children: <Text size="sm">What you have written is lost: the query, the triggers and the filter.</Text>,
      labels: { confirm: 'Replace it', cancel: 'Keep mine' },
      onConfirm: replace,
    });
  };

  return (
    <Stack gap="sm">
      {!isStored && (
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <Select
            label="Type"
            data={types.map((type) => ({ value: type, label: TYPES[type] }))}
            value={draft.type}
            allowDeselect={false}
            onChange={(value) => {
              const type = value as WebhookKlassEnum;
              begin(type, recipes.find((one) => one.type === type));
            }}
          />
          <Select
            label="Recipe"
            data={[
              ...ofType.map(({ name, title }) => ({ value: name, label: title })),
              { value: SKELETON, label: 'None: begin with an empty query' },
            ]}
            value={chosen?.name ?? null}
            placeholder="Your own"
            allowDeselect={false}
            onChange={(value) => begin(draft.type, ofType.find(({ name }) => name === value))}
          />
        </SimpleGrid>
      )}
      {chosen && !isStored && (
        <Text size="sm" c="dimmed">
          {chosen.description}
        </Text>
      )}
      <Checkbox.Group
        label={`Send when one is`}
        value={[...draft.eventNames]}
        onChange={(values) => onChange({ eventNames: eventsOf(draft.type).filter((event) => values.includes(event)) })}
        error={draft.eventNames.length === 0 && 'Choose at least one.'}
      >
        <Group mt={6} gap="lg">
          {eventsOf(draft.type).map((event) => (
            <Checkbox key={event} value={event} label={EVENT_WORDS[event]} />
          ))}
        </Group>
      </Checkbox.Group>
    </Stack>
  );
}
