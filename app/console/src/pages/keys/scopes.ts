import type { ApiKeyScopeEnum } from '../../gql/graphql';

type Scope = Readonly<{ scope: ApiKeyScopeEnum; label: string; description: string }>;

export const SCOPES: readonly Scope[] = [
  { scope: 'READ', label: 'Read', description: 'Read the marketplace: orders, invoices, adverts.' },
  { scope: 'WRITE', label: 'Write', description: 'Change the marketplace by mutations.' },
  { scope: 'WEBHOOKS', label: 'Webhooks', description: 'Read and change webhooks, and read what was sent to them.' },
  { scope: 'AUDIT', label: 'Audit', description: 'Read who has changed what.' },
  { scope: 'KEYS', label: 'Keys', description: 'Read, make and revoke keys of any scope. Only for the operator.' },
];

/** The scopes that keys of the operator, or of a seller, can have. */
export const scopesFor = (isSeller: boolean) => SCOPES.filter(({ scope }) => !(isSeller && scope === 'KEYS'));
