import type { Warning } from '@tessera/contracts';
import type { WantedColour } from '../vision/colour-probability.js';

/** What a query asks for. */
export interface Reading {
  readonly query: string;
  /** The same without slips of the fingers, if it was read so. */
  readonly respelled?: string;
  /** Of each class the probability that it is asked for, `[classes]`. */
  readonly classWeights: Float32Array;
  /** The classes asked for, ascending; none for a query that cannot be answered. */
  readonly classes: readonly number[];
  /** The classes of each other object that it names: "the cup next to the laptop". */
  readonly references: readonly (readonly number[])[];
  /** Classes that it excludes: "the animals except the dogs". */
  readonly excluded: readonly number[];
  /** Whether it describes its object and does not name it. */
  readonly isDescription: boolean;
  readonly colours: readonly WantedColour[];
  /** Whether it asks for what is in front or at the back; seen from the first reference, if there is one. */
  readonly depth: Depth | undefined;
  readonly quantity: Quantity;
  /** Whether it can be answered; if not, the warnings say why. */
  readonly isAnswerable: boolean;
  readonly warnings: readonly Warning[];
}

export type Depth = 'front' | 'back';

/** How many objects a query asks for. */
export interface Quantity {
  readonly isPlural: boolean;
  /** Exactly so many. */
  readonly count?: number;
}
