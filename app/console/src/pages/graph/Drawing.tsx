import 'graphql-voyager/dist/voyager.css';
import './graph.css';

import { useMediaQuery } from '@mantine/hooks';
import type { IntrospectionQuery } from 'graphql';
// With a React of its own: what it is built on asks for an older one than the console has.
import { renderVoyager } from 'graphql-voyager/dist/voyager.standalone.js';
import { useEffect, useRef } from 'react';

type Props = Readonly<{
  introspection: IntrospectionQuery;
  rootType: string | undefined;
  /** Whether fields that lead to no other type are drawn, too. */
  hasAllFields: boolean;
}>;

/** Voyager leaves its buttons without a name. */
function nameButtons(graph: HTMLElement): void {
  for (const button of graph.querySelectorAll('.eye-button:not([aria-label])')) {
    button.setAttribute('aria-label', 'Show it in the graph');
  }
}

/** Resolve when the graph is drawn and can be zoomed, or Voyager has given up and left nothing. */
function isDrawn(graph: HTMLElement): Promise<void> {
  return new Promise((resolve) => {
    let hasBegun = false;
    const observer = new MutationObserver(() => {
      nameButtons(graph);
      hasBegun ||= graph.hasChildNodes();
      if (graph.querySelector('.svg-pan-zoom_viewport') || (hasBegun && !graph.hasChildNodes())) resolve();
    });
    observer.observe(graph, { childList: true, subtree: true, attributeFilter: ['class'] });
  });
}

/** The types as boxes with their fields, and an arrow for each relation. */
export function Drawing({ introspection, rootType, hasAllFields }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const lastDrawn = useRef<Promise<void>>(Promise.resolve());
  const isNarrow = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  useEffect(() => {
    let isWanted = true;
    // A graph that is taken out of the page before it is drawn has no size: Voyager fails on it.
    void lastDrawn.current.then(() => {
      if (!isWanted || !place.current) return;
      // Voyager makes a React root of its own each time: a fresh element, never the same one twice.
      const graph = document.createElement('div');
      graph.className = 'graph';
      place.current.replaceChildren(graph);
      lastDrawn.current = isDrawn(graph);
      renderVoyager(graph, {
        introspection: { data: introspection },
        displayOptions: { rootType, showLeafFields: hasAllFields },
        hideSettings: true,
        hideVoyagerLogo: true,
        hideDocs: isNarrow,
      });
    });
    return () => {
      isWanted = false;
    };
  }, [introspection, rootType, hasAllFields, isNarrow]);
  return <div ref={place} className="graph-place" />;
}
