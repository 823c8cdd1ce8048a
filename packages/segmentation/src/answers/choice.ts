import type { Warning } from '@tessera/contracts';
import type { DecodedMask } from '../vision/mask-decoder.js';
import type { MaskPrompt, PromptPoint } from '../vision/mask-prompt.js';

/** An object that answers a query or a prompt. */
export interface ChosenObject {
  readonly prompt: MaskPrompt;
  /** Probability that this object is a target; undefined for one from a client's prompt. */
  readonly probability: number | undefined;
  /** Name of the class that it was found as; none for one from a client's prompt. */
  readonly label?: string | undefined;
  /** Its mask, where the choice needed it; not that of a prompt with further points. */
  readonly mask?: DecodedMask;
  /** Points that a client's prompts say are not on it, in their order. */
  readonly beside?: readonly PromptPoint[];
}

/** Whether a client's prompt points to the object, alone or beside the detector's box. */
export function isPointedTo({ prompt, probability }: ChosenObject): boolean {
  return probability === undefined || prompt.points !== undefined;
}

/** The objects of a query in an image. */
export interface ObjectChoice {
  /** Probability that the query has a target in the image. */
  readonly score: number;
  /** Names of the classes that the query was matched to, joined by commas; for an answer without objects. */
  readonly label?: string | undefined;
  /** The objects, best first; none when the score is below the threshold. */
  readonly objects: readonly ChosenObject[];
  /** Objects whose pixels the answer must not have. */
  readonly excluded?: readonly ChosenObject[];
  /** How many objects the query asks for, when it says so. */
  readonly count?: number | undefined;
  readonly warnings: readonly Warning[];
}
