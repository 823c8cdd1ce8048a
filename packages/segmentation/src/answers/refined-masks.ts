import type { DecodedMask, MaskDecoder } from '../vision/mask-decoder.js';
import type { MaskPrompt } from '../vision/mask-prompt.js';
import type { RequestImage } from '../vision/request-image.js';
import { isPointedTo, type ChosenObject } from './choice.js';

/** The masks of the objects of one answer that were refined; equal prompts have one mask. */
export class RefinedMasks {
  readonly #masks: ReadonlyMap<string, DecodedMask>;

  private constructor(masks: ReadonlyMap<string, DecodedMask>) {
    this.#masks = masks;
  }

  /**
   * Decodes the masks of the objects that answer a request. An object of several answers is decoded once, so a request
   * takes at most `limit` masks an answer, and no more than the detector found boxes in its image. No answer depends on
   * the others: an object that only another one refines stays coarse.
   *
   * @param answers - the objects of each answer, best first
   * @param limit - how many objects of each answer are refined, besides those that a client pointed to
   * @returns one per answer
   */
  static async decode(
    decoder: Pick<MaskDecoder, 'decode'>,
    image: RequestImage,
    answers: readonly (readonly ChosenObject[])[],
    limit: number,
  ): Promise<RefinedMasks[]> {
    const wanted = answers.map((objects) => promptsToRefine(objects, limit));
    const known = new Map(answers.flatMap((objects) => objects.flatMap(knownMask)));
    const prompts = new Map(wanted.flatMap((own) => [...own]).filter(([key]) => !known.has(key)));
    const decoded = await decoder.decode(image, [...prompts.values()]);
    const masks = new Map([...known, ...[...prompts.keys()].map((key, index) => [key, decoded[index]] as const)]);
    return wanted.map((own) => {
      const ownMasks = [...own.keys()].flatMap((key) => {
        const mask = masks.get(key);
        return mask === undefined ? [] : [[key, mask] as const];
      });
      return new RefinedMasks(new Map(ownMasks));
    });
  }

  /** With masks of further prompts. */
  with(masks: readonly (readonly [MaskPrompt, DecodedMask])[]): RefinedMasks {
    return new RefinedMasks(
      new Map([...this.#masks, ...masks.map(([prompt, mask]) => [keyOf(prompt), mask] as const)]),
    );
  }

  get(prompt: MaskPrompt): DecodedMask | undefined {
    return this.#masks.get(keyOf(prompt));
  }
}

/** The prompts of an answer that are refined, each once, by a key: its best objects, and all that a client pointed to or beside. */
export function promptsToRefine(objects: readonly ChosenObject[], limit: number): ReadonlyMap<string, MaskPrompt> {
  const found = objects.filter((object) => !isPointedTo(object)).slice(0, limit);
  const refined = objects.filter(
    (object) => isPointedTo(object) || object.beside !== undefined || found.includes(object),
  );
  return new Map(refined.map(({ prompt }) => [keyOf(prompt), prompt]));
}

/** Points that a client added ask for another mask. */
function knownMask({ prompt, mask }: ChosenObject): (readonly [string, DecodedMask])[] {
  return mask === undefined || prompt.points !== undefined ? [] : [[keyOf(prompt), mask]];
}

function keyOf(prompt: MaskPrompt): string {
  return JSON.stringify(prompt);
}
