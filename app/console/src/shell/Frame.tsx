import { AppShell, Box, Burger, Group, NavLink, ScrollArea, Text, UnstyledButton } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import type { ComponentType, ReactNode } from 'react';

import { usePrincipal } from '../api/usePrincipal';
import { ColorScheme } from './ColorScheme';
import iconUrl from './icon.svg';
import { KeyMenu } from './KeyMenu';
import { KeyOffer } from './KeyOffer';
import { destinationOf, DESTINATIONS } from './navigation';

type Props = Readonly<{
  children: ReactNode;
  pathname: string;
  /** The component of links between pages of one application; without it every link loads a document. */
  link?: ComponentType<{ to: string }>;
  /** Whether the page takes all of the window's height below the bar, without a margin: an editor, a graph. */
  isFull?: boolean;
}>;

/** The bar, the navigation and the page. At 390 px the navigation is behind the burger. */
export function Frame({ children, pathname, link: Link, isFull = false }: Props) {
  const [isOpen, { toggle, close }] = useDisclosure(false);
  const principal = usePrincipal();
  const current = destinationOf(pathname);
  const shown = DESTINATIONS.filter(({ isFor }) => isFor?.(principal) ?? true);
  const linkTo = (path: string, isDocument = false) => (props: object) =>
    Link && !isDocument ? <Link {...props} to={path} /> : <a {...props} href={path} />;
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: 'sm', collapsed: { mobile: !isOpen } }}
      padding={isFull ? 0 : { base: 'md', md: 'lg' }}
    >
      <AppShell.Header>
        <Group h="100%" px="md" gap="sm" wrap="nowrap">
          <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" aria-expanded={isOpen} />
          <UnstyledButton renderRoot={linkTo('/')} aria-label="Tellgraph, Overview">
            <Group gap={8} wrap="nowrap">
              <img src={iconUrl} alt="" width={24} height={24} />
              <Text fw={700} size="lg" visibleFrom="xs">
                Tellgraph
              </Text>
            </Group>
          </UnstyledButton>
          <Group ml="auto" gap="xs" wrap="nowrap">
            <KeyMenu />
            <ColorScheme />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        {principal?.seller && (
          <Box px="sm" py="xs" mb={4}>
            <Text size="xs" c="dimmed">
              Seller’s portal
            </Text>
            <Text fw={600} truncate>
              {principal.seller.businessName}
            </Text>
          </Box>
        )}
        <ScrollArea>
            {shown.map(({ path, label, icon: Icon, isDocument }) => (
              <NavLink
                key={path}
                renderRoot={linkTo(path, isDocument)}
                label={label}
                leftSection={<Icon size={18} stroke={1.6} aria-hidden />}
                active={current?.path === path}
                aria-current={current?.path === path ? 'page' : undefined}
                onClick={close}
              />
            ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main>
        <KeyOffer />
        {children}
      </AppShell.Main>
    </AppShell>
  );
}
