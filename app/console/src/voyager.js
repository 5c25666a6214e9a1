import { renderVoyager, voyagerIntrospectionQuery } from 'graphql-voyager/dist/voyager.standalone.js';
import 'graphql-voyager/dist/voyager.css';
import './voyager.css';

import { execute } from './api.js';
import { mountBar } from './bar.js';
import { getSession, subscribe } from './api/session';

const page = document.getElementById('page');

function showMessage(text) {
  const message = Object.assign(document.createElement('p'), { className: 'message', textContent: text });
  page.replaceChildren(message);
}

function showGraph(introspection) {
  // Voyager makes a React root of its own each time: a fresh element, never the same one twice.
  const graph = Object.assign(document.createElement('div'), { className: 'graph' });
  page.replaceChildren(graph);
  renderVoyager(graph, { introspection, hideVoyagerLogo: true });
}

async function draw() {
  const session = getSession();
  showMessage('Reading the schema …');
  const answer = await execute(session, { query: voyagerIntrospectionQuery, operationName: 'IntrospectionQuery' });
  // The key may have changed meanwhile: then its own draw() shows the page.
  if (session.key !== getSession().key) return;
  if (answer.data?.__schema) showGraph(answer);
  else showMessage(answer.errors?.map((error) => error.message).join(' ') ?? 'The API answered without a schema.');
}

let drawnKey = getSession().key;
subscribe(() => {
  const { key } = getSession();
  if (key !== drawnKey) {
    drawnKey = key;
    draw();
  }
});
mountBar();
draw();
