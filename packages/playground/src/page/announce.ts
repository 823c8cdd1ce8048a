import { element } from './element.js';

const region = element('div', { class: 'unseen-text', role: 'status', 'aria-live': 'polite' });
/** How long what changes with every key has to rest before it is said. */
const restMs = 400;

let texts: readonly string[] = [];
let resting: ReturnType<typeof setTimeout> | undefined;

/** Says something to screen readers, after what else is said at the same time. */
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
  // The same words again are said again only when they differ.
  region.textContent = text === region.textContent ? `${text}\u00a0` : text;
}
