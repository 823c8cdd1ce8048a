import { announce } from '../page/announce.js';
import { element } from '../page/element.js';
import { controlOf, keepingFocus } from '../page/focus.js';
import type { Photo } from '../photo/photo.js';
import { layerCard, type CardActions } from './layer-card.js';
import { nameOf } from './layer.js';
import type { Layers } from './layers.js';
import { queriesIn } from './queries.js';

/** The panel of masks: what to find, and a card per layer. */
export class SegmentView {
  readonly root: HTMLElement;
  readonly #input = element('input', {
    type: 'text',
    id: 'query',
    name: 'query',
    autocomplete: 'off',
    'aria-describedby': 'query-help',
  });
  readonly #find = element('button', { class: 'button primary' }, 'Find');
  readonly #problem = element('p', { class: 'problem', role: 'alert' });
  readonly #suggestions = element('ul', { class: 'suggestions', 'aria-label': 'Try' });
  readonly #cards = element('ul', { class: 'cards', 'aria-label': 'Layers' });
  readonly #layers: Layers;
  readonly #actions: CardActions;
  #photo: Photo | undefined;

  constructor(layers: Layers, snippetSettings: CardActions['snippetSettings']) {
    this.#layers = layers;
    this.#actions = {
      select: (layer) => {
        layers.select(layers.selected === layer ? undefined : layer);
      },
      toggle: (layer) => {
        layers.toggle(layer);
        announce(`${nameOf(layer)} ${layer.isVisible ? 'shown' : 'hidden'}.`);
      },
      remove: (layer) => {
        layers.remove(layer);
      },
      retry: (layer) => {
        layers.retry(layer);
      },
      snippetSettings,
    };
    this.root = element(
      'div',
      { class: 'stack' },
      element(
        'form',
        {
          class: 'ask',
          submit: (event: SubmitEvent) => {
            this.#submit(event);
          },
        },
        element('label', { for: 'query', class: 'label' }, 'What should be found?'),
        element('div', { class: 'row' }, this.#input, this.#find),
        element('p', { class: 'quiet', id: 'query-help' }, 'Several at once: separate them with a semicolon.'),
        this.#problem,
      ),
      this.#suggestions,
      this.#cards,
    );
  }

  /**
   * @param ask - a query to begin with; otherwise the words that were typed before
   * @param takesFocus - whether to go on here even when there is something to look at
   */
  open(photo: Photo, ask: string | undefined, takesFocus: boolean): void {
    this.#photo = photo;
    this.#input.placeholder = photo.suggestions[1] ?? 'the person on the left';
    if (ask === undefined) this.#askTyped();
    else {
      this.#input.value = '';
      this.#problem.textContent = '';
      this.#layers.add([ask]);
    }
    this.render();
    if (this.#layers.all.length === 0 || takesFocus) this.#input.focus();
  }

  render(): void {
    const draw = () => {
      const { all, selected } = this.#layers;
      const asked = new Set(all.map(({ query }) => query));
      const suggestions = (this.#photo?.suggestions ?? []).filter((query) => !asked.has(query));
      this.#suggestions.replaceChildren(...suggestions.map((query) => this.#suggestion(query)));
      this.#suggestions.hidden = suggestions.length === 0;
      this.#cards.replaceChildren(...all.map((layer) => layerCard(layer, layer === selected, this.#actions)));
    };
    // A part of a card that is gone gives way to the card, a card or a suggestion to the next words.
    keepingFocus(this.root, draw, (key, isByKeyboard) => {
      const { selected } = this.#layers;
      const card = controlOf(this.#cards, key.replace(/^[a-z]+/, 'select'));
      if (card !== undefined || isByKeyboard) return card ?? this.#input;
      // The keyboard of a phone would open for the field.
      return (selected && controlOf(this.#cards, `select-${selected.number}`)) ?? this.#find;
    });
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    if (this.#askTyped()) return;
    this.#problem.textContent ||= 'Type what to find first.';
    this.#input.focus();
  }

  /** Asks for what was typed, and whether there was anything; what cannot be asked stays where it was. */
  #askTyped(): boolean {
    const { queries, problem } = queriesIn(this.#input.value);
    this.#problem.textContent = problem ?? '';
    if (queries === undefined || queries.length === 0) return false;
    this.#input.value = '';
    this.#layers.add(queries);
    return true;
  }

  #suggestion(query: string): HTMLElement {
    const ask = () => {
      this.#layers.add([query]);
    };
    return element(
      'li',
      {},
      element('button', { type: 'button', class: 'chip', 'data-key': `try-${query}`, click: ask }, query),
    );
  }
}
