import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';

export function Component() {
  return (
    <Page title="New webhook">
      <Empty title="This page is being built" />
    </Page>
  );
}
