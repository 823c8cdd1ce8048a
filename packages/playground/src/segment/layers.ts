import { decodeMask, type JobUpdate, type SegmentResponse } from '@tessera/client';
import { learnFrom, type Photo } from '../photo/photo.js';
import { QueuePlace } from '../service/queue-place.js';
import type { Service } from '../service/service.js';
import { reasonOf } from '../page/reason.js';
import { drawMask } from '../stage/mask-picture.js';
import type { Correction } from './corrections.js';
import { changeOf } from './outcome.js';
import { colourOf, questionOf, type Layer } from './layer.js';
import { refusedQueries } from './refused-queries.js';

export interface LayersOptions {
  readonly service: Service;
  /** Something has changed: of one layer, or which layers there are. */
  readonly onChange: () => void;
  /** A layer has its answer, failed, or has nothing to ask. */
  readonly onEnd: (layer: Layer) => void;
  readonly onRemove: (layer: Layer) => void;
}

/** The layers over a photo: asks about each, again after every correction, and keeps the answers. */
export class Layers {
  readonly #options: LayersOptions;
  #photo: Photo | undefined;
  #all: readonly Layer[] = [];
  #selected: Layer | undefined;
  #next = 0;

  constructor(options: LayersOptions) {
    this.#options = options;
  }

  get all(): readonly Layer[] {
    return this.#all;
  }

  get selected(): Layer | undefined {
    return this.#selected;
  }

  /** Begins anew with a photo. */
  open(photo: Photo): void {
    this.#photo = photo;
    this.#all = [];
    this.#selected = undefined;
    this.#next = 0;
    this.#options.onChange();
  }

  /** A layer per query, asked for together; the last one is selected. */
  add(queries: readonly string[]): void {
    const added = queries.map((query) => this.#create(query, []));
    if (added.length > 0) void this.#ask(added);
  }

  /** Corrects the selected layer, or begins one for an object that is pointed to. */
  correct(correction: Correction): void {
    const layer = this.#selected ?? this.#create(undefined, []);
    layer.corrections = [...layer.corrections, correction];
    layer.change = changeOf(correction, 'added');
    void this.#ask([layer]);
  }

  /** Takes back the last correction of the selected layer. */
  undo(): void {
    const layer = this.#selected;
    const last = layer?.corrections.at(-1);
    if (layer === undefined || last === undefined) return;
    layer.change = changeOf(last, 'taken back');
    layer.corrections = layer.corrections.slice(0, -1);
    if (layer.query === undefined && layer.corrections.length === 0) this.remove(layer);
    else void this.#ask([layer]);
  }

  retry(layer: Layer): void {
    void this.#ask([layer]);
  }

  select(layer: Layer | undefined): void {
    this.#selected = layer;
    this.#options.onChange();
  }

  toggle(layer: Layer): void {
    layer.isVisible = !layer.isVisible;
    this.#options.onChange();
  }

  remove(layer: Layer): void {
    this.#giveUp(layer);
    this.#all = this.#all.filter((other) => other !== layer);
    if (this.#selected === layer) this.#selected = this.#all.at(-1);
    this.#options.onRemove(layer);
    this.#options.onChange();
  }

  #create(query: string | undefined, corrections: readonly Correction[]): Layer {
    const number = this.#next++;
    const layer: Layer = {
      number,
      colour: colourOf(number),
      query,
      corrections,
      isVisible: true,
      answer: undefined,
      state: { kind: 'answered' },
      change: undefined,
    };
    this.#all = [...this.#all, layer];
    this.#selected = layer;
    return layer;
  }

  /** Asks about one layer, or about the words of several at once. An older question about them is given up. */
  async #ask(layers: readonly Layer[]): Promise<void> {
    const photo = this.#photo;
    const [first] = layers;
    if (photo === undefined || first === undefined) return;
    const question = layers.length === 1 ? questionOf(first) : { queries: layers.map(({ query = '' }) => query) };
    for (const layer of layers) this.#giveUp(layer);
    if (question === undefined) {
      for (const layer of layers) {
        Object.assign(layer, { answer: undefined, state: { kind: 'answered' } });
        this.#end(layer);
      }
      this.#options.onChange();
      return;
    }
    const running = new AbortController();
    const working = { kind: 'working', running, stage: 'queue', fraction: 0 } as const;
    for (const layer of layers) layer.state = { ...working };
    const isCurrent = (layer: Layer) => layer.state.kind === 'working' && layer.state.running === running;
    this.#options.onChange();
    const place = new QueuePlace(
      (id) => this.#options.service.call((client) => client.job(id)),
      (ahead) => {
        for (const layer of layers.filter(isCurrent)) Object.assign(layer.state, { ahead });
        this.#options.onChange();
      },
    );
    try {
      const signal = AbortSignal.any([running.signal, photo.left.signal]);
      const onUpdate = (update: JobUpdate) => {
        place.take(update);
        if (update.event !== 'progress') return;
        for (const layer of layers.filter(isCurrent)) Object.assign(layer.state, update.data);
        this.#options.onChange();
      };
      const response = await this.#options.service.segment(photo, question, { signal, onUpdate });
      learnFrom(photo, response.image);
      for (const [index, layer] of layers.entries()) {
        if (!isCurrent(layer)) continue;
        takeAnswer(layer, response, index);
        this.#end(layer);
      }
    } catch (error) {
      if (photo.left.signal.aborted) return;
      const refused = refusedQueries(error);
      const isRefused = (_: Layer, index: number) => refused.has(index);
      const ended = layers.some(isRefused) ? layers.filter(isRefused) : layers;
      for (const layer of ended.filter(isCurrent)) {
        layer.state = { kind: 'failed', reason: refused.get(layers.indexOf(layer)) ?? reasonOf(error) };
        this.#end(layer);
      }
      // The other queries are answered without those.
      void this.#ask(layers.filter((layer) => isCurrent(layer) && !ended.includes(layer)));
    } finally {
      place.close();
    }
    this.#options.onChange();
  }

  /** Waits no longer for what a layer was asked. The request ends once none of its layers waits. */
  #giveUp(layer: Layer): void {
    const { state } = layer;
    if (state.kind !== 'working') return;
    layer.state = { kind: 'answered' };
    const isAwaited = this.#all.some(({ state: other }) => other.kind === 'working' && other.running === state.running);
    if (!isAwaited) state.running.abort();
  }

  #end(layer: Layer): void {
    this.#options.onEnd(layer);
    layer.change = undefined;
  }
}

function takeAnswer(layer: Layer, { results, timings_ms: timings, image }: SegmentResponse, index: number): void {
  const result = results[index];
  const question = questionOf(layer);
  if (result === undefined || question === undefined) throw new Error('The service left out an answer.');
  layer.answer = { result, timings, size: image, question, picture: drawMask(decodeMask(result.mask), layer.colour) };
  layer.state = { kind: 'answered' };
}
