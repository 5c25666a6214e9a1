import { Empty } from '../../parts/Empty';
import { Page } from '../../parts/Page';

export function Component() {
  return (
    <Page title="Audit">
      <Empty title="This page is being built" />
    </Page>
  );
}
