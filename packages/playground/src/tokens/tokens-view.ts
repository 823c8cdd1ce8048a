import { announce } from '../page/announce.js';
import { element } from '../page/element.js';
import { keepingFocus } from '../page/focus.js';
import { reasonOf } from '../page/reason.js';
import { warningSentence } from '../page/words.js';
import type { Photo } from '../photo/photo.js';
import type { Service } from '../service/service.js';
import type { SnippetSettings } from '../service/snippets.js';
import { drawMask } from '../stage/mask-picture.js';
import type { Overlay, Stage } from '../stage/stage.js';
import { compareCuts, type Run, type Unasked } from './comparison.js';
import { cutCard, maskColour } from './cut-card.js';
import { layerCount, stageOfLayer, tokenCount, tokenGrid } from './token-grid.js';

export interface TokensOptions {
  readonly service: Service;
  readonly stage: Stage;
  readonly snippetSettings: () => SnippetSettings;
}

/** The view of tokens: one query with several cuts side by side, and which image tokens each layer saw. */
export class TokensView {
  readonly root: HTMLElement;
  /** The cuts side by side, for a place as wide as the page. */
  readonly cuts = element('ul', { class: 'cards cuts', 'aria-label': 'Cuts' });
  readonly #input = element('input', {
    type: 'text',
    id: 'token-query',
    // As many as the service takes.
    maxlength: 512,
    autocomplete: 'off',
    required: true,
  });
  readonly #slider = element('input', {
    type: 'range',
    min: 0,
    max: 0,
    value: 0,
    id: 'layer',
    input: () => {
      this.#showLayer();
    },
  });
  readonly #layer = element('p', { class: 'quiet', id: 'layer-words' });
  readonly #layers = element('div', { hidden: true });
  readonly #note = element('p', { class: 'quiet' });
  readonly #options: TokensOptions;
  #photo: Photo | undefined;
  #isShown = false;
  #done: readonly Run[] = [];
  #selected: Run | undefined;
  #running: AbortController | undefined;

  constructor(options: TokensOptions) {
    this.#options = options;
    this.#layers.append(
      element('label', { for: 'layer', class: 'label' }, 'Layer of the language model'),
      this.#slider,
      this.#layer,
    );
    const compare = (event: SubmitEvent) => {
      event.preventDefault();
      void this.#compare(this.#input.value.trim());
    };
    this.root = element(
      'div',
      { class: 'stack' },
      element(
        'form',
        { class: 'ask', submit: compare },
        element('label', { for: 'token-query', class: 'label' }, 'Which tokens does it take to find'),
        element('div', { class: 'row' }, this.#input, element('button', { class: 'button primary' }, 'Compare')),
        element(
          'p',
          { class: 'quiet' },
          'The language model sees the photo as cells and regions. Most of them are needed in a few layers only. Pink are the pixels that leaving tokens out has changed; times are the best of three.',
        ),
      ),
      this.#layers,
      this.#note,
    );
  }

  /** Begins anew with a photo. */
  open(photo: Photo): void {
    this.#running?.abort();
    this.#photo = photo;
    this.#done = [];
    this.#selected = undefined;
    this.#input.value = '';
    this.#note.textContent = '';
  }

  /** @param query - to compare at once, unless something was compared already */
  show(query: string | undefined): void {
    this.#isShown = true;
    this.#render();
    if (this.#input.value !== '' || query === undefined) return;
    this.#input.value = query;
    void this.#compare(query);
  }

  /** Leaves the photo to another view. A comparison goes on, to be there when this one is shown again. */
  hide(): void {
    this.#isShown = false;
  }

  async #compare(query: string): Promise<void> {
    const photo = this.#photo;
    if (photo === undefined || query === '') return;
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.#done = [];
    this.#selected = undefined;
    this.#note.textContent = 'Answering with each cut in turn …';
    this.#render();
    try {
      const signal = AbortSignal.any([running.signal, photo.left.signal]);
      for await (const run of compareCuts(this.#options.service, photo, query, signal)) {
        if (running.signal.aborted) return;
        if (run.title === undefined) {
          this.#note.textContent = unaskedSentence(run);
          announce(this.#note.textContent);
          return;
        }
        this.#done = [...this.#done, run];
        this.#selected = run;
        this.#render();
      }
      this.#note.textContent = '';
      announce(`${this.#done.length} cuts compared.`);
    } catch (error) {
      if (!running.signal.aborted && !photo.left.signal.aborted) this.#note.textContent = reasonOf(error);
    }
  }

  #render(): void {
    const photo = this.#photo;
    keepingFocus(this.cuts, () => {
      this.cuts.replaceChildren(...(photo === undefined ? [] : this.#done.map((run) => this.#card(run, photo))));
    });
    const map = this.#selected?.result.token_map ?? [];
    this.#layers.hidden = map.length === 0;
    this.#slider.max = String(Math.max(0, layerCount(map) - 1));
    this.#showLayer();
  }

  #showLayer(): void {
    const run = this.#selected;
    const layout = run?.response.token_layout;
    const layer = Number(this.#slider.value);
    const seen = stageOfLayer(run?.result.token_map ?? [], layer);
    if (run === undefined || layout === undefined || seen === undefined) {
      this.#showOverlays([]);
      return;
    }
    const words = `${layer + 1} of ${layerCount(run.result.token_map ?? [])}, ${seen.name}: ${seen.tokens.length} of ${tokenCount(layout)} image tokens`;
    this.#layer.textContent = words;
    this.#slider.setAttribute('aria-valuetext', words);
    this.#showOverlays([
      { picture: tokenGrid(seen, layout, run.mask), isSelected: true },
      { picture: drawMask(run.mask, maskColour), isSelected: true },
    ]);
  }

  #showOverlays(overlays: readonly Overlay[]): void {
    if (this.#isShown) this.#options.stage.showOverlays(overlays);
  }

  #card(run: Run, photo: Photo): HTMLElement {
    const isSelected = run === this.#selected;
    const actions = {
      select: () => {
        this.#selected = run;
        this.#render();
      },
      snippetSettings: this.#options.snippetSettings,
    };
    return cutCard(run, photo, isSelected, actions);
  }
}

function unaskedSentence({ result }: Unasked): string {
  const unasked = 'The language model was not asked about the photo for this query, so there is nothing to compare.';
  return [unasked, ...result.warnings.map(warningSentence)].join(' ');
}
