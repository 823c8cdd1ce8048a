import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type {
  Mask,
  MaskFormat,
  SegmentInstance,
  SegmentOptions,
  SegmentQueryResult,
  TokenStage,
  Warning,
} from '@tessera/contracts';
import { createMask, maskArea, maskBoundingBox, type BinaryMask } from '@tessera/masks';
import type { MaskPrompt } from '../vision/mask-prompt.js';
import type { ImageSize, RequestImage } from '../vision/request-image.js';
import type { ChosenObject } from './choice.js';
import { formatMask } from './mask-output.js';
import { paintObject } from './object-painting.js';
import type { RefinedMasks } from './refined-masks.js';

/** What a result answers, and with which objects. */
export interface Answer {
  readonly about: { readonly query: string } | { readonly prompt: number };
  /** Nothing for a prompt, whose score is the predicted IoU of its mask. */
  readonly score: number | undefined;
  readonly objects: readonly ChosenObject[];
  readonly warnings: readonly Warning[];
  readonly tokenMap?: readonly TokenStage[];
}

type MaskDescription = Omit<SegmentInstance, 'score'>;

/** Draws the results of one request. */
export class ResultPainter {
  readonly #image: RequestImage;
  readonly #size: ImageSize;
  readonly #masks: RefinedMasks;
  readonly #exponent: number;
  readonly #format: MaskFormat;
  readonly #wantsInstances: boolean;
  #emptyMask: Mask | undefined;

  constructor(
    image: RequestImage,
    size: ImageSize,
    masks: RefinedMasks,
    exponent: number,
    { format = 'rle', instances = false }: NonNullable<SegmentOptions['output']>,
  ) {
    this.#image = image;
    this.#size = size;
    this.#masks = masks;
    this.#exponent = exponent;
    this.#format = format;
    this.#wantsInstances = instances;
  }

  async results(answers: readonly Answer[]): Promise<SegmentQueryResult[]> {
    const results: SegmentQueryResult[] = [];
    for (const answer of answers) {
      this.#image.clock.report('mask', 0.9 + (0.1 * results.length) / answers.length);
      results.push(await this.#result(answer));
    }
    return results;
  }

  async #result({ about, score, objects, warnings, tokenMap }: Answer): Promise<SegmentQueryResult> {
    const instances: SegmentInstance[] = [];
    if (this.#wantsInstances) {
      for (const { prompt, probability } of objects) {
        instances.push({ ...(await this.#describe([prompt])), score: probability ?? this.#predictedIoU(prompt) });
      }
    }
    const prompts = objects.map(({ prompt }) => prompt);
    const union = await this.#describe(prompts);
    return {
      ...about,
      present: union.area > 0,
      score: score ?? Math.max(0, ...prompts.map((prompt) => this.#predictedIoU(prompt))),
      ...union,
      ...(this.#wantsInstances ? { instances } : {}),
      warnings: [...warnings],
      ...(tokenMap === undefined ? {} : { token_map: [...tokenMap] }),
    };
  }

  /** A large mask takes a while to draw, so other events get their turn before each one, and a request may end there. */
  #describe(prompts: readonly MaskPrompt[]): Promise<MaskDescription> {
    return this.#image.clock.measure('mask', async () => {
      await yieldToEvents();
      if (prompts.length === 0) return this.#nothing();
      const mask = this.#paint(prompts);
      return { mask: formatMask(mask, this.#format), bbox: maskBoundingBox(mask), area: maskArea(mask) };
    });
  }

  #paint(prompts: readonly MaskPrompt[]): BinaryMask {
    const mask = createMask(this.#size.height, this.#size.width);
    for (const prompt of prompts) paintObject(mask, prompt, this.#masks.get(prompt), this.#exponent);
    return mask;
  }

  /** In [0, 1]; the model's own figure may be a little outside. */
  #predictedIoU(prompt: MaskPrompt): number {
    return Math.min(1, Math.max(0, this.#masks.get(prompt)?.iou ?? 0));
  }

  #nothing(): MaskDescription {
    this.#emptyMask ??= formatMask(createMask(this.#size.height, this.#size.width), this.#format);
    return { mask: this.#emptyMask, bbox: [0, 0, 0, 0], area: 0 };
  }
}
