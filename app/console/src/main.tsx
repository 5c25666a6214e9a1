import { createRoot } from 'react-dom/client';
import { createBrowserRouter } from 'react-router';
import { RouterProvider } from 'react-router/dom';

import { Crash } from './shell/Crash';
import { Providers } from './shell/Providers';
import { Shell } from './shell/Shell';
import { Waiting } from './shell/Waiting';

const router = createBrowserRouter([
  {
    element: <Shell />,
    HydrateFallback: Waiting,
    children: [
      {
        errorElement: <Crash />,
        children: [
          { index: true, lazy: () => import('./pages/overview') },
          { path: 'webhooks', lazy: () => import('./pages/webhooks') },
          { path: 'webhooks/new', lazy: () => import('./pages/composer') },
          { path: 'webhooks/:id', lazy: () => import('./pages/webhook') },
          { path: 'events/:id', lazy: () => import('./pages/event') },
          { path: 'keys', lazy: () => import('./pages/keys') },
          { path: 'audit', lazy: () => import('./pages/audit') },
          {
            path: '*',
            loader: () => {
              throw new Response('', { status: 404 });
            },
          },
        ],
      },
    ],
  },
]);

createRoot(document.getElementById('root')!).render(
  <Providers>
    <RouterProvider router={router} />
  </Providers>,
);
