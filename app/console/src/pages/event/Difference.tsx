import { Box, ScrollArea } from '@mantine/core';
import { structuredPatch } from 'diff';

import classes from './Difference.module.css';

/** Lines around a change that are shown, too. */
const CONTEXT = 4;

/** Show two texts as a person compares them: the lines that went, those that came, and a few around them. */
export function Difference({ before, after }: { before: string; after: string }) {
  const { hunks } = structuredPatch('', '', before, after, undefined, undefined, { context: CONTEXT });
  const lines = hunks.flatMap((hunk, index) => (index > 0 ? ['…', ...hunk.lines] : hunk.lines));
  if (lines.length === 0) return <Box className={classes.lines}>The payload is the same as before.</Box>;
  return (
    <ScrollArea.Autosize mah={480} viewportProps={{ tabIndex: 0, role: 'region', 'aria-label': 'Difference' }}>
      <Box component="pre" className={classes.lines}>
        {lines
          .filter((line) => !line.startsWith('\\'))
          .map((line, index) => (
            <LineBox key={index} line={line} />
          ))}
      </Box>
    </ScrollArea.Autosize>
  );
}

function LineBox({ line }: { line: string }) {
  if (line.startsWith('+')) return <ins className={classes.added}>{line}</ins>;
  if (line.startsWith('-')) return <del className={classes.removed}>{line}</del>;
  return <span className={classes.same}>{line}</span>;
}
