import { Loader, Select, type SelectProps } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useQuery } from 'urql';

import { SellersDocument } from '../gql/graphql';

type Props = Omit<SelectProps, 'data'>;

/** Choose one of the marketplace's sellers by name. All are read, page by page, once the list is opened. */
export function SellerSelect({ value, placeholder = 'Any seller', ...props }: Props) {
  const [isWanted, setWanted] = useState(false);
  const [after, setAfter] = useState<string | null>(null);
  const [names, setNames] = useState<ReadonlyMap<string, string>>(new Map());
  // One that the address names is shown by its name at once.
  const isNeeded = isWanted || Boolean(value && !names.has(value));
  const [{ data, fetching }] = useQuery({ query: SellersDocument, variables: { after }, pause: !isNeeded });

  useEffect(() => {
    if (!data || fetching) return;
    setNames((known) => new Map([...known, ...data.sellers.nodes.map(({ id, businessName }) => [id, businessName] as const)]));
    if (data.sellers.pageInfo.hasNextPage && isNeeded) setAfter(data.sellers.pageInfo.endCursor ?? null);
  }, [data, fetching, isNeeded]);

  return (
    <Select
      placeholder={placeholder}
      searchable
      clearable
      limit={100}
      nothingFoundMessage={fetching ? 'Reading the sellers …' : 'No seller of that name'}
      rightSection={fetching ? <Loader size={16} /> : undefined}
      data={[...names].map(([id, name]) => ({ value: id, label: name }))}
      value={value && names.has(value) ? value : null}
      onFocus={() => setWanted(true)}
      {...props}
    />
  );
}
