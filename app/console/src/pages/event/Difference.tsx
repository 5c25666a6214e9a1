import { Box, Button, Group, ScrollArea, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
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
  if (lines === null) {
    return (
      <>
        <Text size="sm">The two are too large and differ too much to be compared here.</Text>
        <Downloads before={before} after={after} />
      </>
    );
  }
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
        <>
          <Text size="sm" c="dimmed">
            {(lines.length - MOST_LINES).toLocaleString('en')} more lines are not shown.
          </Text>
          <Downloads before={before} after={after} />
        </>
      )}
    </>
  );
}

/** Offer both texts as files, for a program that compares them. */
function Downloads(texts: { before: string; after: string }) {
  return (
    <Group gap="xs">
      {(['before', 'after'] as const).map((name) => (
        <Button
          key={name}
          size="compact-sm"
          variant="default"
          leftSection={<IconDownload size={14} aria-hidden />}
          onClick={() => download(`${name}.json`, texts[name])}
        >
          Download {name}.json
        </Button>
      ))}
    </Group>
  );
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  Object.assign(document.createElement('a'), { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

function differingLines(before: string, after: string): string[] | null {
  const options = { context: CONTEXT, timeout: TIMEOUT_MS };
  const patch = structuredPatch('', '', before, after, undefined, undefined, options);
  if (!patch) return linesByPlace(before.split('\n'), after.split('\n'));
  const lines = patch.hunks.flatMap((hunk, index) => (index > 0 ? ['…', ...hunk.lines] : hunk.lines));
  return lines.filter((line) => !line.startsWith('\\'));
}

/** Compare each line with the one at the same place: values have changed, and nothing has come or gone. Else null. */
function linesByPlace(before: readonly string[], after: readonly string[]): string[] | null {
  if (before.length !== after.length) return null;
  const found: string[] = [];
  let shown = 0;
  for (let at = 0; at < after.length; at += 1) {
    if (before[at] === after[at]) continue;
    let end = at;
    while (end < after.length && before[end] !== after[end]) end += 1;
    const from = Math.max(shown, at - CONTEXT);
    if (from > shown && found.length > 0) found.push('…');
    found.push(...marked(' ', after, from, at), ...marked('-', before, at, end), ...marked('+', after, at, end));
    shown = at = end;
    while (shown < Math.min(end + CONTEXT, after.length) && before[shown] === after[shown]) shown += 1;
    found.push(...marked(' ', after, end, shown));
  }
  return found;
}

const marked = (mark: string, lines: readonly string[], from: number, to: number) =>
  lines.slice(from, to).map((line) => mark + line);

function Line({ line }: { line: string }) {
  if (line.startsWith('+')) return <ins className={classes.added}>{line}</ins>;
  if (line.startsWith('-')) return <del className={classes.removed}>{line}</del>;
  return <span className={classes.same}>{line}</span>;
}
