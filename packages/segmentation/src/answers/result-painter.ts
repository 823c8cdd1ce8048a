import { setImmediate as yieldToEvents } from 'node:timers/promises';
import type { Mask, MaskFormat, SegmentInstance, SegmentOptions, SegmentQueryResult } from '@tessera/contracts';
import { createMask, maskArea, maskBoundingBox, type BinaryMask } from '@tessera/masks';
import type { Box } from '../vision/box.js';
import { formatMask } from './mask-output.js';
import { paintLogits, type SquareLogits } from './mask-upsampling.js';
import type { ObjectChoice } from './object-choice.js';
import { paintRegionShape } from './region-shape.js';
import type { SeenSize } from '../vision/vision.js';

/** Draws the results of one request. */
export class ResultPainter {
  readonly #seen: SeenSize;
  readonly #refined: ReadonlyMap<Box, SquareLogits>;
  readonly #exponent: number;
  readonly #format: MaskFormat;
  readonly #wantsInstances: boolean;
  #emptyMask: Mask | undefined;

  constructor(
    seen: SeenSize,
    refined: ReadonlyMap<Box, SquareLogits>,
    exponent: number,
    output: NonNullable<SegmentOptions['output']>,
  ) {
    this.#seen = seen;
    this.#refined = refined;
    this.#exponent = exponent;
    this.#format = output.format ?? 'rle';
    this.#wantsInstances = output.instances ?? false;
  }

  /** A large mask takes a while to draw, so other events get their turn before each one. */
  async result(query: string, { score, objects, warnings }: ObjectChoice): Promise<SegmentQueryResult> {
    const instances: SegmentInstance[] = [];
    if (this.#wantsInstances) {
      for (const { box, probability } of objects) {
        await yieldToEvents();
        instances.push({ ...this.#describe(this.#paint([box])), score: probability });
      }
    }
    await yieldToEvents();
    const union = objects.length === 0 ? this.#nothing() : this.#describe(this.#paint(objects.map(({ box }) => box)));
    return {
      query,
      present: objects.length > 0,
      score,
      ...union,
      ...(this.#wantsInstances ? { instances } : {}),
      warnings: [...warnings],
    };
  }

  #paint(boxes: readonly Box[]): BinaryMask {
    const mask = createMask(this.#seen.height, this.#seen.width);
    for (const box of boxes) {
      const logits = this.#refined.get(box);
      const painted = logits === undefined ? 0 : paintLogits(mask, logits);
      if (painted === 0) paintRegionShape(mask, box, this.#exponent);
    }
    return mask;
  }

  #describe(mask: BinaryMask): Omit<SegmentInstance, 'score'> {
    return { mask: formatMask(mask, this.#format), bbox: maskBoundingBox(mask), area: maskArea(mask) };
  }

  #nothing(): Omit<SegmentInstance, 'score'> {
    this.#emptyMask ??= formatMask(createMask(this.#seen.height, this.#seen.width), this.#format);
    return { mask: this.#emptyMask, bbox: [0, 0, 0, 0], area: 0 };
  }
}
