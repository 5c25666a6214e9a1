import { Center, Loader } from '@mantine/core';

/** What stands where a page is being read. */
export function Waiting() {
  return (
    <Center mt="xl">
      <Loader aria-label="Loading" />
    </Center>
  );
}
