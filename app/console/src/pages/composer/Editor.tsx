import 'graphiql/setup-workers/vite';

import { Box, Text, useComputedColorScheme } from '@mantine/core';
import { getIntrospectionQuery, type IntrospectionQuery } from 'graphql';
import { initializeMode } from 'monaco-graphql/lite';
import * as monaco from 'monaco-graphql/monaco-editor';
import { useEffect, useRef } from 'react';
import { useQuery } from 'urql';

type Props = Readonly<{
  label: string;
  value: string;
  onChange: (value: string) => void;
  /** What the API says about the query, as in `line 1, column 35: Cannot query field 'nope'`. */
  problems: readonly string[];
}>;

const OWNER = 'tellgraph';
const PLACE = /^line (\d+), column (\d+): (.*)$/s;
const INTROSPECTION = getIntrospectionQuery({ inputValueDeprecation: true });

// One for the whole page: it completes and checks all editors of the language.
let language: ReturnType<typeof initializeMode> | undefined;

/** GraphiQL's own editor for a query, with completion and checks against the schema. Tab leaves it. */
export default function Editor({ label, value, onChange, problems }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<monaco.editor.IStandaloneCodeEditor>(undefined);
  const changed = useRef(onChange);
  changed.current = onChange;
  const scheme = useComputedColorScheme('light');
  const [{ data }] = useQuery({ query: INTROSPECTION, requestPolicy: 'cache-first' });

  useEffect(() => {
    language ??= initializeMode({});
    const model = monaco.editor.createModel(value, 'graphql');
    const created = monaco.editor.create(place.current!, {
      ...{ model, ariaLabel: label, automaticLayout: true, fixedOverflowWidgets: true, fontSize: 13 },
      ...{ minimap: { enabled: false }, scrollBeyondLastLine: false, tabFocusMode: true, tabSize: 2, wordWrap: 'on' },
      ...{ lineNumbersMinChars: 3, padding: { top: 8, bottom: 8 }, scrollbar: { alwaysConsumeMouseWheel: false } },
    });
    const listening = model.onDidChangeContent(() => changed.current(model.getValue()));
    editor.current = created;
    return () => {
      listening.dispose();
      created.dispose();
      model.dispose();
    };
    // The editor keeps its own text; another one from outside is written below.
  }, [label]);

  useEffect(() => {
    const model = editor.current?.getModel();
    if (model && model.getValue() !== value) model.setValue(value);
  }, [value]);

  useEffect(() => monaco.editor.setTheme(scheme === 'dark' ? 'vs-dark' : 'vs'), [scheme]);

  useEffect(() => {
    const introspectionJSON = data as IntrospectionQuery | undefined;
    if (introspectionJSON) language?.setSchemaConfig([{ uri: 'tellgraph.graphql', introspectionJSON }]);
  }, [data]);

  useEffect(() => {
    const model = editor.current?.getModel();
    if (model) monaco.editor.setModelMarkers(model, OWNER, problems.map((problem) => markerOf(model, problem)));
  }, [problems, value]);

  return (
    <Box>
      <Box
        ref={place}
        h={380}
        style={{ border: '1px solid var(--mantine-color-default-border)', borderRadius: 'var(--mantine-radius-md)' }}
      />
      <Text size="xs" c="dimmed" mt={4}>
        Ctrl+Space completes. {data ? 'The query is checked against the schema as you type.' : 'Reading the schema …'}
      </Text>
    </Box>
  );
}

function markerOf(model: monaco.editor.ITextModel, problem: string): monaco.editor.IMarkerData {
  const [, line = '1', column = '1', message = problem] = PLACE.exec(problem) ?? [];
  const startLineNumber = Math.min(Number(line), model.getLineCount());
  const word = model.getWordAtPosition({ lineNumber: startLineNumber, column: Number(column) });
  return {
    ...{ severity: monaco.MarkerSeverity.Error, message, startLineNumber, endLineNumber: startLineNumber },
    ...{ startColumn: Number(column), endColumn: word?.endColumn ?? Number(column) + 1 },
  };
}
