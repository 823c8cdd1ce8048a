import { element } from './element.js';

const region = element('div', { class: 'unseen-text', role: 'status', 'aria-live': 'polite' });

/** Says something to screen readers. */
export function announce(text: string): void {
  if (!region.isConnected) document.body.append(region);
  region.textContent = text;
}
