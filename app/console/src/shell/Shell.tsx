import { Suspense } from 'react';
import { Link, Outlet, ScrollRestoration, useLocation, useNavigation } from 'react-router';

import { useSession } from '../api/useSession';
import Landing from '../pages/landing';
import { Frame } from './Frame';
import { Gate } from './Gate';
import { Waiting } from './Waiting';

/** The application: the frame with the page of the present address. */
export function Shell() {
  const { pathname } = useLocation();
  const { state } = useSession();
  const isLoading = useNavigation().state === 'loading';
  return (
    <Frame pathname={pathname} link={Link}>
      {pathname === '/' && state === 'missing' ? (
        <Landing />
      ) : (
        <Gate>
          <Suspense fallback={<Waiting />}>{isLoading ? <Waiting /> : <Outlet />}</Suspense>
        </Gate>
      )}
      <ScrollRestoration />
    </Frame>
  );
}
