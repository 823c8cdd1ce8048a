import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type {
  Mask,
  SegmentInstance,
  SegmentOptions,
  SegmentQueryResult,
  TokenStage,
  Warning,
} from '@tessera/contracts';
import { createMask, maskArea, maskBoundingBox, type BinaryMask } from '@tessera/masks';
import type { ImageSize, RequestImage } from '../vision/request-image.js';
import type { ChosenObject } from './choice.js';
import { formatMask } from './mask-output.js';
import { paintObject } from './object-painting.js';
import type { RefinedMasks } from './refined-masks.js';

/** What a result answers, and with which objects. */
export interface Answer {
  readonly about: { readonly query: string } | { readonly prompt: number };
  /** Nothing for a prompt, whose score is the predicted IoU of its mask, 0 for an empty one. */
  readonly score: number | undefined;
  /** For an answer without objects. */
  readonly label?: string | undefined;
  readonly objects: readonly ChosenObject[];
  /** Objects whose pixels the answer does not have. */
  readonly excluded?: readonly ChosenObject[];
  readonly masks: RefinedMasks;
  readonly warnings: readonly Warning[];
  readonly tokenMap?: readonly TokenStage[];
}

/** How the results of a request are drawn. */
export interface PaintingOptions {
  /** Of {@link paintObject}. */
  readonly exponent: number;
  /** Whether the request wants masks from the mask decoder: then coarse ones get a warning. */
  readonly isRefined: boolean;
  readonly output: NonNullable<SegmentOptions['output']>;
}

/** An object that keeps no larger share of its pixels than this is one of the excluded ones, seen a little differently. */
const leastRemaining = 0.05;

type MaskDescription = Pick<SegmentInstance, 'mask' | 'bbox' | 'area' | 'mask_score'>;

/** Draws the results of one request. */
export class ResultPainter {
  readonly #image: RequestImage;
  readonly #size: ImageSize;
  readonly #options: PaintingOptions;
  readonly #wantsInstances: boolean;
  #emptyMask: Mask | undefined;

  constructor(image: RequestImage, size: ImageSize, options: PaintingOptions) {
    this.#image = image;
    this.#size = size;
    this.#options = options;
    this.#wantsInstances = options.output.instances ?? false;
  }

  async results(answers: readonly Answer[]): Promise<SegmentQueryResult[]> {
    const results: SegmentQueryResult[] = [];
    for (const answer of answers) {
      this.#image.clock.report('mask', 0.9 + (0.1 * results.length) / answers.length);
      results.push(await this.#result(answer));
    }
    return results;
  }

  async #result(answer: Answer): Promise<SegmentQueryResult> {
    const { about, masks, warnings, tokenMap } = answer;
    const erased = this.#erasedPixels(answer);
    const objects = await this.#remaining(answer, erased);
    // Without what it excludes nothing is left of the target.
    const score = answer.objects.length > 0 && objects.length === 0 ? 0 : answer.score;
    const instances: SegmentInstance[] = [];
    if (this.#wantsInstances) {
      for (const object of objects) {
        const { description } = await this.#describe([object], masks, erased);
        instances.push({
          ...description,
          score: object.probability ?? predictedIoU(masks, object),
          ...(object.label === undefined ? {} : { label: object.label }),
        });
      }
    }
    const { description: union, coarseCount } = await this.#describe(objects, masks, erased);
    const label = labelOf({ ...answer, objects });
    return {
      ...about,
      present: union.area > 0,
      score: score ?? (union.area === 0 ? 0 : Math.max(...objects.map((object) => predictedIoU(masks, object)))),
      ...(label === undefined ? {} : { label }),
      ...union,
      ...(this.#wantsInstances ? { instances } : {}),
      warnings: [...warnings, ...(this.#options.isRefined ? coarseWarnings(coarseCount) : [])],
      ...(tokenMap === undefined ? {} : { token_map: [...tokenMap] }),
    };
  }

  /** The objects of which more than edges are left. */
  async #remaining({ objects, masks }: Answer, erased: BinaryMask | undefined): Promise<readonly ChosenObject[]> {
    if (erased === undefined) return objects;
    const remaining: ChosenObject[] = [];
    for (const object of objects) {
      await yieldToEvents();
      const mask = createMask(this.#size.height, this.#size.width);
      paintObject(mask, object.prompt, masks.get(object.prompt), this.#options.exponent);
      const area = maskArea(mask);
      erase(mask, erased);
      if (maskArea(mask) > leastRemaining * area) remaining.push(object);
    }
    return remaining;
  }

  /** A large mask takes a while to draw, so other events get their turn before each one, and a request may end there. */
  #describe(
    objects: readonly ChosenObject[],
    masks: RefinedMasks,
    erased: BinaryMask | undefined,
  ): Promise<{ readonly description: MaskDescription; readonly coarseCount: number }> {
    return this.#image.clock.measure('mask', async () => {
      await yieldToEvents();
      if (objects.length === 0) return { description: this.#nothing(), coarseCount: 0 };
      const mask = createMask(this.#size.height, this.#size.width);
      const painted = objects.map(({ prompt }) => paintObject(mask, prompt, masks.get(prompt), this.#options.exponent));
      if (erased !== undefined) erase(mask, erased);
      const coarseCount = painted.filter(({ isCoarse }) => isCoarse).length;
      const area = painted.reduce((sum, own) => sum + own.area, 0);
      const iouSum = painted.reduce((sum, own, index) => sum + own.area * predictedIoU(masks, objects[index]), 0);
      const description = {
        mask: formatMask(mask, this.#options.output),
        bbox: maskBoundingBox(mask),
        area: maskArea(mask),
        ...(coarseCount > 0 || area === 0 ? {} : { mask_score: Math.min(1, iouSum / area) }),
      };
      return { description, coarseCount };
    });
  }

  /** The pixels of the excluded objects, which the answer does not have. */
  #erasedPixels({ objects, excluded = [], masks }: Answer): BinaryMask | undefined {
    if (objects.length === 0 || excluded.length === 0) return undefined;
    const mask = createMask(this.#size.height, this.#size.width);
    for (const { prompt } of excluded) paintObject(mask, prompt, masks.get(prompt), this.#options.exponent);
    return mask;
  }

  #nothing(): MaskDescription {
    this.#emptyMask ??= formatMask(createMask(this.#size.height, this.#size.width), this.#options.output);
    return { mask: this.#emptyMask, bbox: [0, 0, 0, 0], area: 0 };
  }
}

/** Clears the pixels of `mask` that `erased` has. */
function erase(mask: BinaryMask, erased: BinaryMask): void {
  for (const [pixel, isErased] of erased.data.entries()) if (isErased === 1) mask.data[pixel] = 0;
}

/** In [0, 1]; the model's own figure may be a little outside. 0 for an object that was not refined. */
function predictedIoU(masks: RefinedMasks, object: ChosenObject | undefined): number {
  const iou = object === undefined ? undefined : masks.get(object.prompt)?.iou;
  return Math.min(1, Math.max(0, iou ?? 0));
}

/** The names of the classes that the objects were found as, each once, best object first. */
function labelOf({ label, objects }: Answer): string | undefined {
  if (objects.length === 0) return label;
  const labels = new Set(objects.flatMap((object) => object.label ?? []));
  return labels.size === 0 ? undefined : [...labels].join(', ');
}

function coarseWarnings(count: number): Warning[] {
  return count === 0 ? [] : [{ code: 'coarse_masks', words: [], count }];
}
