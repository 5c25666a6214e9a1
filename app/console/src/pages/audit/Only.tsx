import { Anchor } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'react-router';

import type { Filter } from './filters';

type Props = Readonly<{ filter: Filter; value: string; children: ReactNode; label?: string }>;

/** A link to this page with only the entries of this value. */
export function Only({ filter, value, children, label }: Props) {
  const [former] = useSearchParams();
  const next = new URLSearchParams(former);
  next.set(filter, value);
  for (const place of ['after', 'before']) next.delete(place);
  return (
    <Anchor component={Link} to={{ search: next.toString() }} size="sm" aria-label={label}>
      {children}
    </Anchor>
  );
}
