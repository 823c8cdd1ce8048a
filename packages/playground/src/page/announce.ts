import { element } from './element.js';

const region = element('div', { class: 'unseen-text', role: 'status', 'aria-live': 'polite' });
/** How long a text that changes with every key must stay the same before it is announced. */
const restMs = 400;

let texts: readonly string[] = [];
let resting: ReturnType<typeof setTimeout> | undefined;

/** Announces a text to screen readers, after others of the same moment. */
export function announce(text: string): void {
  clearTimeout(resting);
  if (texts.length === 0) queueMicrotask(say);
  texts = [...texts, text];
}

/** Says where something that keeps moving has come to rest. */
export function announceAtRest(text: string): void {
  clearTimeout(resting);
  resting = setTimeout(() => {
    announce(text);
  }, restMs);
}

function say(): void {
  if (!region.isConnected) document.body.append(region);
  const text = texts.join(' ');
  texts = [];
  // A screen reader announces a text again only when it differs.
  region.textContent = text === region.textContent ? `${text}\u00a0` : text;
}
