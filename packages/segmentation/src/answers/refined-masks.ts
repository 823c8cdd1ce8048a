import type { DecodedMask, MaskDecoder } from '../vision/mask-decoder.js';
import type { MaskPrompt } from '../vision/mask-prompt.js';
import type { RequestImage } from '../vision/request-image.js';
import type { ChosenObject } from './choice.js';

/** The masks of objects that were refined; equal prompts have one mask. */
export class RefinedMasks {
  readonly #masks: ReadonlyMap<string, DecodedMask>;

  private constructor(masks: ReadonlyMap<string, DecodedMask>) {
    this.#masks = masks;
  }

  /**
   * Decodes the masks of the objects that answer a request.
   *
   * @param answers - the objects of each answer, best first
   * @param limit - how many objects that no client pointed to are refined
   */
  static async decode(
    decoder: MaskDecoder,
    image: RequestImage,
    answers: readonly (readonly ChosenObject[])[],
    limit: number,
  ): Promise<RefinedMasks> {
    const prompts = promptsToRefine(answers, limit);
    const masks = await decoder.decode(image, [...prompts.values()]);
    return new RefinedMasks(
      new Map([...prompts.keys()].flatMap((key, index) => (masks[index] === undefined ? [] : [[key, masks[index]]]))),
    );
  }

  get(prompt: MaskPrompt): DecodedMask | undefined {
    return this.#masks.get(keyOf(prompt));
  }
}

/**
 * The prompts that are worth refining, each once, by a key: what a client pointed to, then the best object of every
 * query, then the second ones, …, so that no query for a crowd takes the others' share. Objects in the same place go by
 * probability.
 */
export function promptsToRefine(
  answers: readonly (readonly ChosenObject[])[],
  limit: number,
): ReadonlyMap<string, MaskPrompt> {
  const objects = answers.flatMap((own) => own.map((object, place) => ({ ...object, place })));
  const pointedTo = objects.filter(({ prompt, probability }) => probability === undefined || prompt.points);
  const found = objects
    .filter((object) => !pointedTo.includes(object))
    .sort((a, b) => a.place - b.place || (b.probability ?? 0) - (a.probability ?? 0));
  const byKey = (list: typeof objects) => new Map(list.map(({ prompt }) => [keyOf(prompt), prompt]));
  return new Map([...byKey(pointedTo), ...[...byKey(found)].slice(0, limit)]);
}

function keyOf(prompt: MaskPrompt): string {
  return JSON.stringify(prompt);
}
