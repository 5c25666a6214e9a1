import { Group, SegmentedControl, Select, Switch, VisuallyHidden } from '@mantine/core';
import { useDocumentTitle, useMediaQuery } from '@mantine/hooks';
import { gql, useQuery } from 'urql';
import { getIntrospectionQuery, type IntrospectionQuery } from 'graphql';
import { useMemo } from 'react';

import { Failure } from '../../parts/Failure';
import { useUrlState } from '../../parts/useUrlState';
import { Waiting } from '../../shell/Waiting';
import { Drawing } from './Drawing';
import { cutNeighbourhood, listRelations, listTypeNames, type Reach } from './neighbourhood';
import { Relations } from './Relations';

const INTROSPECTION = gql<IntrospectionQuery, Record<string, never>>(getIntrospectionQuery());
/** What most integrations are about. */
const FIRST_TYPE = 'Invoice';
const REACHES = [
  { value: '1', label: 'Neighbours' },
  { value: '2', label: 'Two steps' },
  { value: 'all', label: 'Everything' },
];

const reachOf = (text: string): Reach => (text === 'all' ? null : text === '2' ? 2 : 1);

/** The entity graph around one type, and a list of what the types and fields mean. */
export function Graph() {
  useDocumentTitle('Graph · Tellgraph');
  const [{ type, steps, fields }, setState] = useUrlState(['type', 'steps', 'fields']);
  const [{ data, error }] = useQuery({ query: INTROSPECTION, variables: {}, requestPolicy: 'cache-first' });
  const names = useMemo(() => (data ? listTypeNames(data) : []), [data]);
  const centre = type && names.includes(type) ? type : FIRST_TYPE;
  const reach = reachOf(steps ?? '1');
  const shown = useMemo(() => data && cutNeighbourhood(data, centre, reach), [data, centre, reach]);
  const isNarrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  const relations = useMemo(() => (data && isNarrow ? listRelations(data, centre) : []), [data, isNarrow, centre]);
  return (
    <div className="graph-page">
      <VisuallyHidden>
        <h1>Graph</h1>
      </VisuallyHidden>
      <Group gap="sm" p="sm" align="center">
        <Select
          aria-label="Type in the middle"
          data={names}
          value={centre}
          onChange={(name) => setState({ type: name })}
          searchable
          allowDeselect={false}
          w={220}
        />
        <SegmentedControl
          aria-label="How far around it"
          data={REACHES}
          value={steps === '2' || steps === 'all' ? steps : '1'}
          onChange={(value) => setState({ steps: value === '1' ? null : value })}
        />
        <Switch
          label="All fields"
          checked={fields === 'all'}
          onChange={(event) => setState({ fields: event.currentTarget.checked ? 'all' : null })}
        />
      </Group>
      <Failure error={error} />
      {!data && !error && <Waiting />}
      {shown && <Drawing introspection={shown} rootType={reach === null ? undefined : centre} hasAllFields={fields === 'all'} />}
      {shown && isNarrow && (
        <Relations centre={centre} relations={relations} onChoose={(name) => setState({ type: name })} />
      )}
    </div>
  );
}
