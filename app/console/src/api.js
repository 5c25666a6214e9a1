import { setState } from './session.js';

const ENDPOINT = '/graphql';

const MESSAGES = {
  missing: 'Enter an API key in the bar above: every request needs one.',
  malformed: 'The API key contains characters that a header cannot carry.',
};

const failure = (message, code) => ({ errors: [{ message, extensions: { code } }] });

/**
 * POST one GraphQL request with the session's key and return the decoded answer.
 * Never throws: what went wrong comes back as GraphQL errors and, where it is about the key, in the session.
 */
export async function execute({ key, state }, request) {
  if (MESSAGES[state]) return failure(MESSAGES[state], 'UNAUTHENTICATED');
  try {
    const response = await fetch(ENDPOINT, {
      method: 'POST',
      headers: { accept: 'application/json', 'content-type': 'application/json', authorization: `Bearer ${key}` },
      body: JSON.stringify(request),
    });
    setState(key, response.status === 401 ? 'refused' : 'accepted');
    return await decode(response);
  } catch (error) {
    setState(key, 'unreachable');
    return failure(`The server did not answer: ${error.message}`, 'UNREACHABLE');
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
