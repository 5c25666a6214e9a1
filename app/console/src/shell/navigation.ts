import {
  IconBook2,
  IconHistory,
  IconKey,
  IconLayoutDashboard,
  IconPlus,
  IconTerminal2,
  IconTopologyStar3,
  IconWebhook,
  type Icon,
} from '@tabler/icons-react';

import { isOperator, mayDo, type Principal } from '../api/usePrincipal';

export type Destination = Readonly<{
  path: string;
  label: string;
  icon: Icon;
  /** Whether the address is a page of its own, outside of this application: the browser loads it anew. */
  isDocument?: boolean;
  /** Who sees it; everybody where it is absent. */
  isFor?: (principal: Principal | null) => boolean;
}>;

export const DESTINATIONS: readonly Destination[] = [
  { path: '/', label: 'Overview', icon: IconLayoutDashboard },
  { path: '/webhooks', label: 'Webhooks', icon: IconWebhook },
  { path: '/webhooks/new', label: 'New webhook', icon: IconPlus, isFor: (one) => mayDo(one, 'WEBHOOKS') },
  { path: '/keys', label: 'Keys', icon: IconKey, isFor: (one) => isOperator(one) && mayDo(one, 'KEYS') },
  { path: '/audit', label: 'Audit', icon: IconHistory, isFor: (one) => mayDo(one, 'AUDIT') },
  { path: '/graphql', label: 'GraphiQL', icon: IconTerminal2, isDocument: true },
  { path: '/voyager', label: 'Graph', icon: IconTopologyStar3, isDocument: true },
  { path: '/docs', label: 'Docs', icon: IconBook2, isDocument: true },
];

/** The destination that an address belongs to: the longest path that it begins with. */
export function destinationOf(pathname: string): Destination | undefined {
  const fits = ({ path }: Destination) => pathname === path || (path !== '/' && pathname.startsWith(`${path}/`));
  return DESTINATIONS.filter(fits).sort((one, other) => other.path.length - one.path.length)[0];
}
