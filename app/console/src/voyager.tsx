import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router';

import { Graph } from './pages/graph/Graph';
import { Frame } from './shell/Frame';
import { Gate } from './shell/Gate';
import { Providers } from './shell/Providers';

createRoot(document.getElementById('root')!).render(
  <Providers>
    {/* For the state in the address. Links lead out of this document, whose policy is its own. */}
    <BrowserRouter useTransitions={false}>
      <Frame pathname="/voyager" isFull>
        <Gate>
          <Graph />
        </Gate>
      </Frame>
    </BrowserRouter>
  </Providers>,
);
