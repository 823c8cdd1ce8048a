import type { ClassifyCompositionResponse, VocabularySummary } from '@tessera/client';
import { announce } from '../page/announce.js';
import { copyMenu } from '../page/copy-menu.js';
import { element } from '../page/element.js';
import { reasonOf } from '../page/reason.js';
import { duration, percent } from '../page/words.js';
import type { Photo } from '../photo/photo.js';
import type { ClassifyQuestion } from '../service/question.js';
import type { Service } from '../service/service.js';
import type { SnippetSettings } from '../service/snippets.js';
import { certainty, headline, outcomeSentence } from './outcome.js';
import { TrainingView } from './training-view.js';

export interface ClassifyOptions {
  readonly service: Service;
  readonly snippetSettings: () => SnippetSettings;
}

const ownWords = '';

/** The panel of compositions: what the photo shows as attribute and object. */
export class ClassifyView {
  readonly root: HTMLElement;
  readonly #vocabulary = element('select', {
    id: 'vocabulary',
    change: () => {
      this.#chooseVocabulary();
      this.#clear();
    },
  });
  readonly #attributes = element('input', {
    type: 'text',
    id: 'attributes',
    placeholder: 'red, black',
    required: true,
  });
  readonly #objects = element('input', { type: 'text', id: 'objects', placeholder: 'dress, shirt', required: true });
  readonly #words: HTMLElement;
  readonly #trainedOnly: HTMLElement;
  readonly #world = element('input', {
    type: 'checkbox',
    id: 'open-world',
    change: () => {
      this.#again();
    },
  });
  readonly #bias = element('input', {
    type: 'range',
    id: 'bias',
    min: -10,
    max: 10,
    step: 0.5,
    value: 0,
    change: () => {
      this.#again();
    },
    input: () => {
      this.#showBias();
    },
  });
  readonly #biasValue = element('output', { for: 'bias' }, '0');
  readonly #answer = element('div', { class: 'stack' });
  readonly #options: ClassifyOptions;
  #photo: Photo | undefined;
  #running: AbortController | undefined;
  #hasAnswer = false;

  constructor(options: ClassifyOptions) {
    this.#options = options;
    this.#words = element(
      'div',
      { class: 'stack' },
      element('div', {}, element('label', { for: 'attributes', class: 'label' }, 'Attributes'), this.#attributes),
      element('div', {}, element('label', { for: 'objects', class: 'label' }, 'Objects'), this.#objects),
    );
    this.#trainedOnly = element(
      'div',
      { class: 'stack' },
      element(
        'label',
        { class: 'row' },
        this.#world,
        element('span', {}, 'Open world: pairs that no example had, too'),
      ),
      element(
        'div',
        {},
        element('label', { for: 'bias', class: 'label' }, 'Bias for unseen pairs ', this.#biasValue),
        this.#bias,
      ),
    );
    const training = new TrainingView(options.service, (name) => {
      void this.#loadVocabularies(name);
    });
    this.root = element(
      'div',
      { class: 'stack' },
      element(
        'form',
        {
          class: 'stack',
          submit: (event: SubmitEvent) => {
            event.preventDefault();
            void this.#ask();
          },
        },
        element('div', {}, element('label', { for: 'vocabulary', class: 'label' }, 'Vocabulary'), this.#vocabulary),
        this.#words,
        this.#trainedOnly,
        element('div', {}, element('button', { class: 'button primary' }, 'Classify')),
      ),
      this.#answer,
      training.root,
    );
    this.#listVocabularies([]);
  }

  open(photo: Photo): void {
    const before = this.#photo?.compositions;
    this.#photo = photo;
    this.#clear();
    // Words of a person's own stay.
    for (const [input, name] of [
      [this.#attributes, 'attributes'],
      [this.#objects, 'objects'],
    ] as const) {
      if (input.value === (before?.[name] ?? '')) input.value = photo.compositions[name];
    }
  }

  /** Drops an answer that is not about what is chosen now, and one that is on its way. */
  #clear(): void {
    this.#running?.abort();
    this.#hasAnswer = false;
    this.#answer.replaceChildren();
  }

  show(): void {
    void this.#loadVocabularies(this.#vocabulary.value);
  }

  async #loadVocabularies(selected: string): Promise<void> {
    try {
      const all = await this.#options.service.call((client) => client.vocabularies());
      const before = this.#vocabulary.value;
      this.#listVocabularies(all);
      if (all.some(({ name }) => name === selected)) this.#vocabulary.value = selected;
      this.#chooseVocabulary();
      if (this.#vocabulary.value !== before) this.#clear();
    } catch (error) {
      this.#answer.replaceChildren(element('p', { class: 'problem' }, reasonOf(error)));
    }
  }

  #listVocabularies(all: readonly VocabularySummary[]): void {
    const trained = all.filter(({ status }) => status === 'trained');
    this.#vocabulary.replaceChildren(
      element('option', { value: ownWords }, 'Words of my own'),
      ...trained.map(({ name, attributes = 0, objects = 0 }) =>
        element('option', { value: name }, `${name} (${attributes} × ${objects})`),
      ),
    );
    this.#trainedOnly.hidden = true;
  }

  #chooseVocabulary(): void {
    const isOwn = this.#vocabulary.value === ownWords;
    this.#words.hidden = !isOwn;
    for (const input of [this.#attributes, this.#objects]) input.required = isOwn;
    this.#trainedOnly.hidden = isOwn;
  }

  #showBias(): void {
    this.#biasValue.value = this.#bias.value;
  }

  #again(): void {
    if (this.#hasAnswer) void this.#ask();
  }

  #question(): ClassifyQuestion {
    const shared = { marginals: true, top_k: 8 };
    const { value: name } = this.#vocabulary;
    if (name === ownWords) {
      return {
        vocabulary: { attributes: wordsIn(this.#attributes.value), objects: wordsIn(this.#objects.value) },
        ...shared,
      };
    }
    const world = this.#world.checked ? 'open' : 'closed';
    return { vocabulary: name, world, unseen_bias: Number(this.#bias.value), ...shared };
  }

  async #ask(): Promise<void> {
    const photo = this.#photo;
    if (photo === undefined) return;
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    const question = this.#question();
    this.#answer.setAttribute('aria-busy', 'true');
    if (!this.#hasAnswer) this.#answer.replaceChildren(element('progress', { 'aria-label': 'Classifying' }));
    try {
      const signal = AbortSignal.any([running.signal, photo.left.signal]);
      const answer = await this.#options.service.classify(photo, question, { signal });
      if (running.signal.aborted) return;
      this.#hasAnswer = true;
      this.#answer.replaceChildren(
        ...answerParts(answer, typeof question.vocabulary === 'string'),
        copyMenu({ path: 'classify-composition', body: question }, this.#options.snippetSettings, 'copy-classify'),
      );
      if (answer.results[0] !== undefined) announce(outcomeSentence(answer.results[0]));
    } catch (error) {
      if (running.signal.aborted || photo.left.signal.aborted) return;
      this.#hasAnswer = false;
      this.#answer.replaceChildren(element('p', { class: 'problem' }, reasonOf(error)));
      announce(reasonOf(error));
    } finally {
      if (this.#running === running) this.#answer.removeAttribute('aria-busy');
    }
  }
}

/** @param isTrained - whether the vocabulary has seen some pairs and others not */
function answerParts(
  { results, warnings, timings_ms: timings }: ClassifyCompositionResponse,
  isTrained: boolean,
): HTMLElement[] {
  const [result] = results;
  if (result === undefined) return [];
  const { predictions, attributes = [], objects = [] } = result;
  const sureness = certainty(result);
  return [
    ...warnings.map(({ words }) =>
      element('p', { class: 'notice' }, `The model knows no part of ${words.join(', ')}; their scores mean nothing.`),
    ),
    element('h2', {}, headline(result)),
    ...(sureness === undefined ? [] : [element('p', { class: 'quiet' }, sureness)]),
    bars(
      'Pairs',
      predictions.map(({ label, score, seen }) => ({ label, score, mark: isTrained && !seen ? 'unseen' : undefined })),
    ),
    bars('Attributes', attributes),
    bars('Objects', objects),
    element('p', { class: 'quiet' }, `Answered in ${duration(timings.total ?? 0)}`),
  ];
}

interface Bar {
  readonly label: string;
  readonly score: number;
  readonly mark?: string | undefined;
}

function bars(title: string, all: readonly Bar[]): HTMLElement {
  return element(
    'section',
    { class: 'bars' },
    element('h3', {}, title),
    element(
      'ul',
      {},
      ...all.slice(0, 8).map(({ label, score, mark }) => {
        const bar = element(
          'li',
          {},
          element(
            'span',
            { class: 'bar-label' },
            label,
            // The space is for screen readers.
            ...(mark === undefined ? [] : [' ', element('span', { class: 'badge' }, mark)]),
          ),
          element('span', { class: 'bar-value' }, percent(score)),
        );
        bar.style.setProperty('--share', String(score));
        return bar;
      }),
    ),
  );
}

function wordsIn(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
