import { copyMenu } from '../page/copy-menu.js';
import { element, icon, type IconName } from '../page/element.js';
import { count, duration, percent, runningStage, stageTimes, warningSentence } from '../page/words.js';
import type { SnippetSettings } from '../service/snippets.js';
import { summary, verdict } from './outcome.js';
import { cssColour, nameOf, type Answer, type Layer, type LayerState } from './layer.js';

export interface CardActions {
  readonly select: (layer: Layer) => void;
  readonly toggle: (layer: Layer) => void;
  readonly remove: (layer: Layer) => void;
  readonly retry: (layer: Layer) => void;
  readonly snippetSettings: () => SnippetSettings;
}

/** A layer in the list; the selected one shows what is known about its answer. */
export function layerCard(layer: Layer, isSelected: boolean, actions: CardActions): HTMLElement {
  const name = nameOf(layer);
  const card = element(
    'li',
    { class: `card${isSelected ? ' selected' : ''}` },
    element(
      'div',
      { class: 'card-head' },
      element(
        'button',
        {
          type: 'button',
          class: 'card-title',
          'aria-expanded': isSelected ? 'true' : 'false',
          'data-key': `select-${layer.number}`,
          click: () => {
            actions.select(layer);
          },
        },
        element('span', { class: 'swatch' }),
        element('span', { class: 'card-name', title: name }, name),
        element('span', { class: 'card-score' }, summary(layer)),
      ),
      iconButton(
        layer.isVisible ? 'show' : 'hide',
        `${layer.isVisible ? 'Hide' : 'Show'} ${name}`,
        `toggle-${layer.number}`,
        () => {
          actions.toggle(layer);
        },
      ),
      iconButton('remove', `Remove ${name}`, `remove-${layer.number}`, () => {
        actions.remove(layer);
      }),
    ),
    ...body(layer, isSelected, actions),
  );
  card.style.setProperty('--colour', cssColour(layer.colour));
  return card;
}

function body(layer: Layer, isSelected: boolean, actions: CardActions): HTMLElement[] {
  const { state, answer } = layer;
  if (state.kind === 'working') return [progress(state)];
  if (state.kind === 'failed') {
    return [
      element(
        'div',
        { class: 'card-body' },
        element('p', { class: 'problem' }, state.reason),
        element(
          'button',
          {
            type: 'button',
            class: 'button',
            'data-key': `retry-${layer.number}`,
            click: () => {
              actions.retry(layer);
            },
          },
          'Try again',
        ),
      ),
    ];
  }
  if (answer === undefined || !isSelected) return [];
  return [
    element(
      'div',
      { class: 'card-body' },
      element('p', { class: 'verdict' }, verdict(answer)),
      ...warnings(answer),
      ...facts(answer),
      times(answer),
      copyMenu({ path: 'segment', body: answer.question }, actions.snippetSettings, `copy-${layer.number}`),
    ),
  ];
}

function warnings({ result }: Answer): HTMLElement[] {
  if (result.warnings.length === 0) return [];
  const sentences = result.warnings.map((warning) => element('li', {}, warningSentence(warning)));
  return [element('ul', { class: 'warnings' }, ...sentences)];
}

function facts({ result, size }: Answer): HTMLElement[] {
  const rows: [string, string][] = [];
  if (result.query !== undefined) rows.push(['Probability', percent(result.score)]);
  if (result.mask_score !== undefined) rows.push(['Mask quality', result.mask_score.toFixed(2)]);
  if (result.area > 0) {
    const share = percent(result.area / (size.width * size.height));
    rows.push(['Area', `${count(result.area)} px, ${share} of the photo`]);
  }
  if (rows.length === 0) return [];
  return [
    element(
      'dl',
      { class: 'facts' },
      ...rows.flatMap(([term, value]) => [element('dt', {}, term), element('dd', {}, value)]),
    ),
  ];
}

function times({ timings }: Answer): HTMLElement {
  const stages = stageTimes(timings);
  const total = stages.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const bar = element('div', { class: 'times-bar', 'aria-hidden': 'true' });
  for (const { milliseconds } of stages) {
    const part = element('span');
    part.style.flexGrow = String(milliseconds / total);
    bar.append(part);
  }
  const words = stages.map(({ stage, milliseconds }) => element('li', {}, `${stage} ${duration(milliseconds)}`));
  return element(
    'div',
    { class: 'times' },
    element('p', {}, `Answered in ${duration(timings.total ?? total)}`),
    bar,
    element('ul', {}, ...words),
  );
}

function progress({ stage, fraction, ahead }: LayerState & { kind: 'working' }): HTMLElement {
  const bar = element('progress', { max: 1, 'aria-label': 'Progress', ...(fraction > 0 ? { value: fraction } : {}) });
  return element('div', { class: 'card-body' }, bar, element('p', { class: 'quiet' }, runningStage(stage, ahead)));
}

function iconButton(name: IconName, label: string, key: string, click: () => void): HTMLElement {
  return element(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': label, title: label, 'data-key': key, click },
    icon(name),
  );
}
