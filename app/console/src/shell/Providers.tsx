import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import 'mantine-datatable/styles.css';

import { MantineProvider } from '@mantine/core';
import { ModalsProvider } from '@mantine/modals';
import { Notifications } from '@mantine/notifications';
import type { ReactNode } from 'react';

import { ApiProvider } from '../api/ApiProvider';
import { cssVariables, theme } from './theme';

/** What every page of the console needs around it, whichever entry it belongs to. */
export function Providers({ children }: { children: ReactNode }) {
  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
      <ApiProvider>
        <ModalsProvider labels={{ confirm: 'Yes', cancel: 'Cancel' }}>
          <Notifications position="bottom-right" />
          {children}
        </ModalsProvider>
      </ApiProvider>
    </MantineProvider>
  );
}
