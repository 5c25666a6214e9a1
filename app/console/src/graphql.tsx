import { createRoot } from 'react-dom/client';

import { Console } from './pages/graphiql/Console';
import { Frame } from './shell/Frame';
import { Gate } from './shell/Gate';
import { Providers } from './shell/Providers';

createRoot(document.getElementById('root')!).render(
  <Providers>
    <Frame pathname="/graphql" isFull>
      <Gate>
        <Console />
      </Gate>
    </Frame>
  </Providers>,
);
