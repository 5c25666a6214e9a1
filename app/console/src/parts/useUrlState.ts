import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';

type Values<Name extends string> = Readonly<Record<Name, string | null>>;

/**
 * Keep some values in the address, so that a link shows the same page. Setting a filter begins at the first page:
 * whoever sets no `after` or `before` removes both.
 */
export function useUrlState<Name extends string>(
  names: readonly Name[],
): [values: Values<Name>, set: (changed: Partial<Values<Name>>) => void] {
  const [parameters, setParameters] = useSearchParams();
  const text = parameters.toString();
  const list = names.join();
  const values = useMemo(
    () => Object.fromEntries(names.map((name) => [name, parameters.get(name)])) as Values<Name>,
    // Both are new objects each time; their texts decide.
    [text, list],
  );
  const set = useCallback(
    (changed: Partial<Values<Name>>) =>
      setParameters(
        (former) => {
          const next = new URLSearchParams(former);
          next.delete('after');
          next.delete('before');
          for (const [name, value] of Object.entries(changed) as [string, string | null][]) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        // At once: React would show the new address a moment later, and a second choice meanwhile would undo the first.
        { replace: !('after' in changed || 'before' in changed), flushSync: true },
      ),
    [setParameters],
  );
  return [values, set];
}
