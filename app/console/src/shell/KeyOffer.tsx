import { Button, Group, Modal, Text } from '@mantine/core';
import { useEffect, useState } from 'react';

import { createApi } from '../api/client';
import { answerOffer } from '../api/session';
import { ownerInWords } from '../api/usePrincipal';
import { useOffer, useSession } from '../api/useSession';
import { PrincipalDocument } from '../gql/graphql';

/** Say whose a key is; null where it can't be found out. */
async function findOwner(key: string): Promise<string | null> {
  const { data, error } = await createApi(key).client.query(PrincipalDocument, {}).toPromise();
  if (error?.response?.status === 401) return 'nobody here';
  return data?.apiKeyPrincipal ? ownerInWords(data.apiKeyPrincipal) : null;
}

const shown = (key: string, owner: string | null) => `${key.slice(0, 10)}… of ${owner ?? 'somebody unknown'}`;

/** Ask whether the key of a link replaces the present one, and say whose both are. */
export function KeyOffer() {
  const offer = useOffer();
  const { key } = useSession();
  const [question, setQuestion] = useState<string | null>(null);
  useEffect(() => {
    let isCurrent = true;
    setQuestion(null);
    if (offer !== null) {
      void Promise.all([findOwner(offer), findOwner(key)]).then(([offered, present]) => {
        if (isCurrent) setQuestion(`The link's key is ${shown(offer, offered)}. Yours is ${shown(key, present)}.`);
      });
    }
    return () => {
      isCurrent = false;
    };
  }, [offer, key]);
  return (
    <Modal opened={offer !== null && question !== null} onClose={() => answerOffer(false)} title="This link brings another API key">
      <Text>{question}</Text>
      <Text mt="xs">The owner of a key can read what you save under it.</Text>
      <Group mt="md" justify="flex-end">
        <Button data-autofocus onClick={() => answerOffer(false)}>
          Keep the present key
        </Button>
        <Button variant="default" onClick={() => answerOffer(true)}>
          Use the key of the link
        </Button>
      </Group>
    </Modal>
  );
}
