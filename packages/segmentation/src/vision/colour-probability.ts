import { colourNames, type ColourName } from './colour-names.js';
import type { ColourPlace, ColourShares } from './colours.js';

/** A colour that a sentence gives an object: "the man in the green shirt" is green in its upper part. */
export interface WantedColour {
  readonly place: ColourPlace;
  readonly colour: ColourName;
}

/** Share at which an object is called by a colour as often as not. */
const evenShare = 0.3;
const slope = 2;

/**
 * Probability that a person would give an object all these colours; 1 when there are none.
 *
 * @param shares - of the object's parts, from `ImageColours`
 */
export function colourProbability(shares: ColourShares, wanted: readonly WantedColour[]): number {
  return Math.min(1, ...wanted.map(({ place, colour }) => probabilityOf(shares[place], colour)));
}

function probabilityOf(shares: Float32Array, colour: ColourName): number {
  const share = shares[colourNames.indexOf(colour)] ?? 0;
  return 1 / (1 + ((evenShare + 0.02) / (share + 0.02)) ** slope);
}
