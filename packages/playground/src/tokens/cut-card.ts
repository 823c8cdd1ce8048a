import { copyMenu } from '../page/copy-menu.js';
import { element } from '../page/element.js';
import { count, duration, percent } from '../page/words.js';
import type { Photo } from '../photo/photo.js';
import type { SnippetSettings } from '../service/snippets.js';
import { drawMask } from '../stage/mask-picture.js';
import type { Run } from './comparison.js';

export const maskColour = [0, 200, 190] as const;
const changeColour = [255, 64, 129] as const;

export interface CutActions {
  readonly select: () => void;
  readonly snippetSettings: () => SnippetSettings;
}

/** A cut beside the others: its mask, where that differs from the one of all tokens, and what it cost. */
export function cutCard(run: Run, photo: Photo, isSelected: boolean, actions: CutActions): HTMLElement {
  const { title, result, question } = run;
  return element(
    'li',
    { class: `card${isSelected ? ' selected' : ''}` },
    element(
      'button',
      {
        type: 'button',
        class: 'card-title',
        'aria-pressed': isSelected ? 'true' : 'false',
        'data-key': `cut-${title}`,
        click: actions.select,
      },
      element('span', { class: 'card-name' }, title),
      element('span', { class: 'card-score' }, result.present ? percent(result.score) : 'not here'),
    ),
    picture(run, photo),
    element(
      'div',
      { class: 'card-body' },
      facts(run),
      ...(isSelected
        ? [copyMenu({ path: 'segment', body: question }, actions.snippetSettings, `copy-cut-${title}`)]
        : []),
    ),
  );
}

/** The photo small, with the mask and what changed over it; the facts say the same in words. */
function picture({ mask, difference }: Run, photo: Photo): HTMLElement {
  const shown = element(
    'div',
    { class: 'cut-picture', 'aria-hidden': 'true' },
    ...(photo.picture === undefined ? [] : [photo.picture.cloneNode()]),
    drawMask(mask, maskColour),
    ...(difference === undefined ? [] : [drawMask(difference.changed, changeColour)]),
  );
  shown.style.setProperty('--width', String(mask.width));
  shown.style.setProperty('--height', String(mask.height));
  return shown;
}

function facts({ response: { pruning }, mask: { width, height }, languageMs, difference }: Run): HTMLElement {
  const changed = difference?.changedPixels ?? 0;
  const rows: [string, string][] = [
    ['Language model', duration(languageMs)],
    ['Tokens per layer', (pruning?.average_image_tokens ?? 0).toFixed(0)],
    ['Work saved', percent(pruning?.flops_reduction ?? 0)],
    ['IoU with all tokens', difference === undefined ? '–' : difference.overlap.toFixed(3)],
    ['Changed pixels', difference === undefined ? '–' : `${count(changed)} (${percent(changed / (width * height))})`],
  ];
  return element(
    'dl',
    { class: 'facts' },
    ...rows.flatMap(([term, value]) => [element('dt', {}, term), element('dd', {}, value)]),
  );
}
