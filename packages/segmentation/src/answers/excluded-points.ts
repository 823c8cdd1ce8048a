import { maskIntersection } from '../vision/mask-logits.js';
import type { DecodedMask, MaskDecoder } from '../vision/mask-decoder.js';
import type { MaskPrompt, PromptPoint } from '../vision/mask-prompt.js';
import type { ImageSize, RequestImage } from '../vision/request-image.js';
import type { ChosenObject } from './choice.js';
import { logitAt } from './mask-upsampling.js';
import type { RefinedMasks } from './refined-masks.js';

/** How often an object is drawn again; one that covers yet another point beside it is taken out. */
const maximumRedraws = 8;

/** Objects with the masks of their prompts. */
interface DrawnObjects {
  readonly objects: readonly ChosenObject[];
  readonly masks: RefinedMasks;
}

/** What points beside objects leave of them. */
interface Exclusion extends DrawnObjects {
  /** The points that objects have lost pixels to. */
  readonly used: ReadonlySet<PromptPoint>;
}

/**
 * Objects without what points beside them cover. Each point in turn: a mask that does not cover it stays; one that does
 * is decoded again with it and loses the pixels that are not in the new one; an object that covers the point even then
 * is taken out. No point adds a pixel, so none brings back what an earlier one took out.
 */
export async function excludePoints(
  decoder: Pick<MaskDecoder, 'decode'>,
  image: RequestImage,
  { objects, masks }: DrawnObjects,
): Promise<Exclusion> {
  const used = new Set<PromptPoint>();
  const kept: ChosenObject[] = [];
  const redrawn: (readonly [MaskPrompt, DecodedMask])[] = [];
  for (const object of objects) {
    if (object.beside === undefined) {
      kept.push(object);
      continue;
    }
    const drawn = masks.get(object.prompt);
    if (drawn === undefined || isEmpty(drawn)) {
      // Without the points it would have a coarse shape.
      for (const point of object.beside) used.add(point);
      continue;
    }
    const whole = { prompt: object.prompt, mask: drawn };
    const left = await withoutPoints(decoder, image, whole, object.beside, used);
    if (left === undefined) continue;
    kept.push({ ...object, prompt: left.prompt });
    redrawn.push([left.prompt, left.mask]);
  }
  return { objects: kept, masks: masks.with(redrawn), used };
}

/**
 * What remains of an object; undefined when nothing does.
 *
 * @param used - gets the points that take something away
 */
async function withoutPoints(
  decoder: Pick<MaskDecoder, 'decode'>,
  image: RequestImage,
  object: { readonly prompt: MaskPrompt; readonly mask: DecodedMask },
  beside: readonly PromptPoint[],
  used: Set<PromptPoint>,
): Promise<{ readonly prompt: MaskPrompt; readonly mask: DecodedMask } | undefined> {
  const size = await image.size();
  let { prompt, mask } = object;
  let redraws = 0;
  for (const point of beside) {
    if (!covers(mask, point, size)) continue;
    used.add(point);
    if (redraws === maximumRedraws) return undefined;
    redraws += 1;
    prompt = { ...prompt, points: [...(prompt.points ?? []), point] };
    const [decoded] = await decoder.decode(image, [prompt]);
    if (decoded === undefined) return undefined;
    mask = maskIntersection(mask, decoded);
    if (covers(mask, point, size)) return undefined;
  }
  return isEmpty(mask) ? undefined : { prompt, mask };
}

function isEmpty({ data }: DecodedMask): boolean {
  return !data.some((logit) => logit > 0);
}

function covers(mask: DecodedMask, { x, y }: PromptPoint, size: ImageSize): boolean {
  return logitAt(mask, size, { x: pixelAt(x, size.width), y: pixelAt(y, size.height) }) > 0;
}

/** The pixel that a share of a side lies in; sharing out and multiplying again may lose the last digit. */
function pixelAt(share: number, pixels: number): number {
  return Math.min(pixels - 1, Math.floor(share * pixels + 1e-6));
}
