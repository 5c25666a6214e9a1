import { setState } from './api/session';

const ENDPOINT = '/graphql';

const MESSAGES = {
  missing:
    'Enter an API key in the bar above: every request needs one. `tellgraph keys create --name me` makes one for the operator.',
  malformed: 'The API key contains characters that a header cannot carry.',
};
const WHO = { query: '{ apiKeyPrincipal { type seller { businessName } } }' };

const failure = (message, code) => ({ errors: [{ message, extensions: { code } }] });

function post(key, request) {
  return fetch(ENDPOINT, {
    method: 'POST',
    headers: { accept: 'application/json', 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify(request),
  });
}

/**
 * POST one GraphQL request with the session's key and return the decoded answer.
 * Never throws: what went wrong comes back as GraphQL errors and, where it is about the key, in the session.
 */
export async function execute({ key, state }, request) {
  if (MESSAGES[state]) return failure(MESSAGES[state], 'UNAUTHENTICATED');
  try {
    const response = await post(key, request);
    setState(key, response.status === 401 ? 'refused' : 'accepted');
    return await decode(response);
  } catch (error) {
    setState(key, 'unreachable');
    return failure(`The server did not answer: ${error.message}`, 'UNREACHABLE');
  }
}

/** Say whose a key is, in words: “the operator”, “the seller Lamps”, “nobody here”; null where it can't be found out. */
export async function ownerOf(key) {
  try {
    const response = await post(key, WHO);
    if (response.status === 401) return 'nobody here';
    const { type, seller } = (await response.json()).data.apiKeyPrincipal;
    if (type === 'OPERATOR') return 'the operator';
    return seller ? `the seller ${seller.businessName}` : 'a seller';
  } catch {
    return null;
  }
}

async function decode(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return failure(`HTTP ${response.status}, and the answer is not JSON: ${text.slice(0, 200)}`, 'BAD_ANSWER');
  }
}
