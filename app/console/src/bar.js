import { ownerOf } from './api.js';
import { answerOffer, getOffer, getSession, setKey, subscribe } from './api/session';
import iconUrl from './shell/icon.svg';
import './bar.css';

const PAGES = { graphql: ['/graphql', 'GraphiQL'], voyager: ['/voyager', 'Entity graph'] };

const NOTES = {
  missing: 'Enter an API key to begin: `tellgraph keys create --name me` makes one.',
  malformed: 'This key contains characters that a header cannot carry.',
  unchecked: 'Checking the key …',
  accepted: 'Key accepted.',
  refused: 'Key refused (401): unknown, revoked or expired.',
  unreachable: 'The server did not answer.',
};

function element(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children);
  return node;
}

function links(current) {
  const nav = element('nav');
  for (const [name, [href, text]] of Object.entries(PAGES)) {
    const link = element('a', { href, textContent: text });
    if (name === current) link.setAttribute('aria-current', 'page');
    nav.append(link);
  }
  return nav;
}

function keyForm() {
  const field = element('input', {
    id: 'api-key',
    type: 'password',
    autocomplete: 'off',
    spellcheck: false,
    placeholder: 'tgk_…',
    value: getSession().key,
  });
  const use = element('button', { type: 'submit', textContent: 'Use key' });
  const forget = element('button', { type: 'button', id: 'forget', textContent: 'Forget' });
  const note = element('output', { id: 'key-note' });
  note.setAttribute('role', 'status');
  const form = element('form', {}, element('label', { htmlFor: 'api-key', textContent: 'API key' }), field, use, forget, note);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    setKey(field.value);
  });
  forget.addEventListener('click', () => setKey(''));
  return { form, field, forget, note };
}

const shown = (key, owner) => `${key.slice(0, 10)}… of ${owner ?? 'somebody unknown'}`;

/** Ask whether the key of a link replaces the present one, and say whose both are. */
function offerQuestion() {
  const text = element('p', { id: 'offer-text' });
  const keep = element('button', { type: 'button', textContent: 'Keep the present key' });
  const use = element('button', { type: 'button', textContent: 'Use the key of the link' });
  const question = element('div', { id: 'offer', hidden: true }, text, keep, use);
  question.setAttribute('role', 'alertdialog');
  question.setAttribute('aria-labelledby', 'offer-text');
  keep.addEventListener('click', () => answerOffer(false));
  use.addEventListener('click', () => answerOffer(true));

  let asked = null;
  const ask = async () => {
    const offer = getOffer();
    if (offer === asked) return;
    asked = offer;
    question.hidden = true;
    if (offer === null) return;
    const { key } = getSession();
    const [offered, present] = await Promise.all([ownerOf(offer), ownerOf(key)]);
    if (asked !== offer) return;
    text.textContent =
      `This link brings another API key: ${shown(offer, offered)}. ` +
      `The present one is ${shown(key, present)}. The owner of a key can read what you save under it.`;
    question.hidden = false;
    keep.focus();
  };
  subscribe(ask);
  ask();
  return question;
}

/** Fill `<header id="bar">`: name, links between the pages, the key and what the API said about it. */
export function mountBar() {
  const bar = document.getElementById('bar');
  const { form, field, forget, note } = keyForm();
  const brand = element('strong', {}, element('img', { src: iconUrl, alt: '', width: 22, height: 22 }), 'Tellgraph');
  bar.append(brand, links(bar.dataset.page), form, offerQuestion());

  const owners = new Map();
  const sayWhose = async (key) => {
    if (!owners.has(key)) {
      owners.set(key, null);
      owners.set(key, await ownerOf(key));
    }
    const owner = owners.get(key);
    if (owner && key === getSession().key) note.value = `Key of ${owner}.`;
  };

  let shownKey = getSession().key;
  const show = () => {
    const { key, state } = getSession();
    // Only a changed key may replace what is being typed.
    if (key !== shownKey) field.value = shownKey = key;
    forget.hidden = key === '';
    note.value = NOTES[state];
    if (state === 'accepted') sayWhose(key);
    bar.dataset.state = state;
  };
  subscribe(show);
  show();
  if (getSession().state === 'missing') field.focus();
}
