import { Box, ScrollArea, Text } from '@mantine/core';
import { structuredPatch } from 'diff';
import { useMemo } from 'react';

import classes from './Difference.module.css';

/** Lines around a change that are shown, too. */
const CONTEXT = 4;
/** Lines that are shown at most: a browser can't show a megabyte of them smoothly. */
const MOST_LINES = 1_000;
/** Longer comparisons are given up, because the page stands still meanwhile. */
const TIMEOUT_MS = 500;

/** Show two texts as a person compares them: the lines that went, those that came, and a few around them. */
export function Difference({ before, after }: { before: string; after: string }) {
  const lines = useMemo(() => differingLines(before, after), [before, after]);
  if (lines === null) return <Text size="sm">The two differ too much to be compared here. “Body” shows what is sent.</Text>;
  if (lines.length === 0) return <Text size="sm">The payload is the same as before.</Text>;
  return (
    <>
      <ScrollArea.Autosize mah={480} viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': 'Difference' }}>
        <Box component="pre" className={classes.lines}>
          {lines.slice(0, MOST_LINES).map((line, index) => (
            <Line key={index} line={line} />
          ))}
        </Box>
      </ScrollArea.Autosize>
      {lines.length > MOST_LINES && (
        <Text size="sm" c="dimmed">
          {(lines.length - MOST_LINES).toLocaleString('en')} more lines are not shown.
        </Text>
      )}
    </>
  );
}

function differingLines(before: string, after: string): string[] | null {
  const options = { context: CONTEXT, timeout: TIMEOUT_MS };
  const patch = structuredPatch('', '', before, after, undefined, undefined, options);
  if (!patch) return null;
  const lines = patch.hunks.flatMap((hunk, index) => (index > 0 ? ['…', ...hunk.lines] : hunk.lines));
  return lines.filter((line) => !line.startsWith('\\'));
}

function Line({ line }: { line: string }) {
  if (line.startsWith('+')) return <ins className={classes.added}>{line}</ins>;
  if (line.startsWith('-')) return <del className={classes.removed}>{line}</del>;
  return <span className={classes.same}>{line}</span>;
}
