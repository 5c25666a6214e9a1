import { useQuery } from 'urql';

import { PrincipalDocument, type ApiKeyScopeEnum, type PrincipalQuery } from '../gql/graphql';
import { useSession } from './useSession';

export type Principal = NonNullable<PrincipalQuery['apiKeyPrincipal']>;

/** Whose the present key is and what it may do; null while that is not known. */
export function usePrincipal(): Principal | null {
  const { state } = useSession();
  const [{ data }] = useQuery({
    query: PrincipalDocument,
    requestPolicy: 'cache-first',
    pause: state === 'missing' || state === 'malformed',
  });
  return data?.apiKeyPrincipal ?? null;
}

export const isOperator = (principal: Principal | null) => principal?.type === 'OPERATOR';

export const mayDo = (principal: Principal | null, scope: ApiKeyScopeEnum) => principal?.scopes.includes(scope) ?? false;

/** Say whose a key is, in words: “the operator”, “the seller Lamps”. */
export function ownerInWords(principal: Principal): string {
  if (principal.type === 'OPERATOR') return 'the operator';
  return principal.seller ? `the seller ${principal.seller.businessName}` : 'a seller';
}
