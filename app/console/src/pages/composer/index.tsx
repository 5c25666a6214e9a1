import { Alert, Center, Loader } from '@mantine/core';
import { Link, useSearchParams } from 'react-router';
import { useQuery } from 'urql';

import { isOperator, usePrincipal } from '../../api/usePrincipal';
import { ComposerRecipesDocument, ComposerWebhookDocument } from '../../gql/graphql';
import { Empty } from '../../parts/Empty';
import { Failure } from '../../parts/Failure';
import { Page } from '../../parts/Page';
import { Composer } from './Composer';
import { draftOfRecipe, draftOfWebhook } from './draft';

/** Begin from the recipe of the address, or change the webhook of the address. */
export function Component() {
  const [parameters] = useSearchParams();
  const principal = usePrincipal();
  const webhookId = parameters.get('webhook');
  const [recipes] = useQuery({ query: ComposerRecipesDocument, requestPolicy: 'cache-first' });
  const [stored] = useQuery({
    query: ComposerWebhookDocument,
    variables: { id: webhookId ?? '' },
    pause: webhookId === null,
    requestPolicy: 'network-only',
  });
  const title = webhookId ? 'Change a webhook' : 'New webhook';
  const list = recipes.data?.webhookRecipes;
  const error = recipes.error ?? stored.error;
  const node = stored.data?.node;
  if (error) {
    return (
      <Page title={title}>
        <Failure error={error} />
      </Page>
    );
  }
  if (!list || !principal || (webhookId && !stored.data)) {
    return (
      <Page title={title}>
        <Center mt="xl">
          <Loader aria-label="Loading" />
        </Center>
      </Page>
    );
  }
  if (webhookId && node?.__typename !== 'Webhook') {
    return (
      <Page title={title}>
        <Empty title="There is no such webhook">
          It was deleted, or belongs to somebody else. <Link to="/webhooks">See your webhooks.</Link>
        </Empty>
      </Page>
    );
  }
  const named = parameters.get('recipe');
  const recipe = list.find(({ name }) => name === named) ?? list[0];
  if (!recipe) return <Alert title="The API lists no recipes" />;
  const draft = node?.__typename === 'Webhook' ? draftOfWebhook(node, isOperator(principal)) : draftOfRecipe(recipe);
  return <Composer key={webhookId ?? ''} title={title} recipes={list} initial={draft} webhookId={webhookId} />;
}
