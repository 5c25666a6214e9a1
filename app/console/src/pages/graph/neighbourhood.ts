import type {
  IntrospectionInterfaceType,
  IntrospectionObjectType,
  IntrospectionQuery,
  IntrospectionType,
  IntrospectionTypeRef,
} from 'graphql';

/** How many relations away from the type in the middle a type may be; null: all types, whatever they are to it. */
export type Reach = 1 | 2 | null;

interface OpenTypeRef {
  readonly kind: string;
  readonly name?: string;
  readonly ofType?: OpenTypeRef;
}

/** Nearly everything leads to these, so that they would be in the middle of every drawing. */
const EVERYWHERE: readonly string[] = ['ExternalID', 'Metadatum'];

type Composite = IntrospectionObjectType | IntrospectionInterfaceType;

const isComposite = (type: IntrospectionType): type is Composite =>
  type.kind === 'OBJECT' || type.kind === 'INTERFACE';
const isPage = (name: string) => /(Connection|Edge)$/.test(name) || name === 'PageInfo';

/** The names of the types that have fields and that a person would look for. */
export function listTypeNames({ __schema }: IntrospectionQuery): string[] {
  return __schema.types
    .filter((type) => isComposite(type) && !type.name.startsWith('__') && !isPage(type.name))
    .map((type) => type.name)
    .sort((one, other) => one.localeCompare(other));
}

/** A field that leads to another type, through the page of a list or not. */
export type Relation = Readonly<{ field: string; target: string; description: string }>;

/** The relations of a type, in the order of its fields. */
export function listRelations({ __schema }: IntrospectionQuery, centre: string): Relation[] {
  const byName = new Map(__schema.types.map((type) => [type.name, type]));
  const type = byName.get(centre);
  if (type === undefined || !isComposite(type)) return [];
  return type.fields.flatMap(({ name: field, type: ref, description }) => {
    const named = nameOf(ref);
    const page = isPage(named) ? byName.get(named) : undefined;
    const nodes = page && isComposite(page) ? page.fields.find(({ name }) => name === 'nodes') : undefined;
    const target = nodes ? nameOf(nodes.type) : named;
    const found = byName.get(target);
    return found && isComposite(found) && !isPage(target) ? [{ field, target, description: description ?? '' }] : [];
  });
}

/**
 * Return the schema with the types around `centre` alone. A field that leads further away keeps the name of its type,
 * which is drawn as text, without a box of its own.
 */
export function cutNeighbourhood(introspection: IntrospectionQuery, centre: string, reach: Reach): IntrospectionQuery {
  const { types } = introspection.__schema;
  const byName = new Map(types.map((type) => [type.name, type]));
  if (reach === null || !byName.has(centre)) return introspection;
  const kept = findNear(byName, centre, reach);
  const far = new Set(types.filter((type) => isFar(type, kept)).map((type) => type.name));
  return {
    __schema: {
      ...introspection.__schema,
      // The drawing begins here. Without it, the whole schema could be reached from the queries.
      queryType: { kind: 'OBJECT', name: centre },
      mutationType: null,
      subscriptionType: null,
      types: types.map((type) => (far.has(type.name) ? asText(type) : withTextFields(type, far))),
    },
  };
}

const isFar = (type: IntrospectionType, kept: ReadonlySet<string>) =>
  (isComposite(type) || type.kind === 'UNION') && !type.name.startsWith('__') && !kept.has(type.name);

function findNear(byName: ReadonlyMap<string, IntrospectionType>, centre: string, reach: number): Set<string> {
  const near = new Set([centre, 'Node']);
  let ring = listNeighbours(byName, centre);
  for (let step = 0; step < reach; step += 1) {
    const reached: string[] = [];
    // Grows while it is walked: the page of a list and a union are no step; what they hold is the neighbour.
    for (const name of ring) {
      if (near.has(name) || EVERYWHERE.includes(name)) continue;
      near.add(name);
      (isPage(name) || byName.get(name)?.kind === 'UNION' ? ring : reached).push(...listNeighbours(byName, name));
    }
    ring = reached;
  }
  return near;
}

function listNeighbours(byName: ReadonlyMap<string, IntrospectionType>, name: string): string[] {
  const type = byName.get(name);
  if (type?.kind === 'UNION') return type.possibleTypes.map((possible) => possible.name);
  if (type === undefined || !isComposite(type)) return [];
  return type.fields
    .map((field) => nameOf(field.type))
    .filter((target) => ['OBJECT', 'INTERFACE', 'UNION'].includes(byName.get(target)?.kind ?? ''));
}

function nameOf(ref: IntrospectionTypeRef): string {
  let inner: OpenTypeRef = ref;
  while (inner.ofType) inner = inner.ofType;
  return inner.name ?? '';
}

const asText = ({ name, description }: IntrospectionType): IntrospectionType => ({ kind: 'SCALAR', name, description });

function withTextFields(type: IntrospectionType, far: ReadonlySet<string>): IntrospectionType {
  if (!isComposite(type)) return type;
  const fields = type.fields.map((field) => ({ ...field, type: asTextRef(field.type, far) as typeof field.type }));
  const interfaces = type.interfaces.filter(({ name }) => !far.has(name));
  if (type.kind === 'OBJECT') return { ...type, fields, interfaces };
  return { ...type, fields, interfaces, possibleTypes: type.possibleTypes.filter(({ name }) => !far.has(name)) };
}

function asTextRef(ref: OpenTypeRef, far: ReadonlySet<string>): OpenTypeRef {
  if (ref.ofType) return { ...ref, ofType: asTextRef(ref.ofType, far) };
  return far.has(ref.name ?? '') ? { kind: 'SCALAR', name: ref.name } : ref;
}
