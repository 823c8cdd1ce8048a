import { colourNames, type ColourName } from './colour-names.js';
import type { ColourPlace, ColourShares } from './colours.js';

/** A colour that a sentence gives an object: "the man in the green shirt" is green in its upper part. */
export interface WantedColour {
  readonly place: ColourPlace;
  readonly colour: ColourName;
}

interface ShareCalibration {
  /** Of the share's logit. */
  readonly weight: number;
  readonly bias: number;
}

/** Fitted to hand-checked objects of the train photos, where a right colour weighs as much as two wrong ones. */
const basicCalibration: ShareCalibration = { weight: 1.94, bias: 2.33 };
const darkCalibration: ShareCalibration = { weight: 3.33, bias: -1.76 };
const lightCalibration: ShareCalibration = { weight: 1.02, bias: -0.42 };
/** Skin has these colours and is no clothing. */
const skinColours: ReadonlySet<ColourName> = new Set(['red', 'orange', 'pink', 'brown']);
const skinBias = -1.2;

/** Keeps the logit of a share of 0 or 1 finite. */
const leastShare = 0.02;

/**
 * Probability in [0, 1] that a person would give an object all these colours, taken as independent of each other; 1 when
 * there are none. A share of 0.2 to 0.25 makes a basic colour as likely as not.
 *
 * @param shares - of the object's parts, from `ImageColours`
 */
export function colourProbability(shares: ColourShares, wanted: readonly WantedColour[]): number {
  return wanted.reduce((product, { place, colour }) => product * probabilityOf(shares[place], place, colour), 1);
}

/**
 * Factor on the odds that some object has a colour once a query asks for it. Fitted to the objects of the train photos, each
 * class of a photo with each colour, where those with such an object weigh as much as the others.
 */
const askedOdds = 4.3;

/**
 * Probability in [0, 1] that the object of a class which fits a colour best has that colour, once a query asks for it:
 * people mostly ask for colours that they see.
 *
 * @param probability - of that object, from `colourProbability`
 */
export function askedColourProbability(probability: number): number {
  return (askedOdds * probability) / (1 + (askedOdds - 1) * probability);
}

function probabilityOf(shares: Float32Array, place: ColourPlace, colour: ColourName): number {
  const share = shares[colourNames.indexOf(colour)] ?? 0;
  const { weight, bias } = calibrationOf(colour);
  const ownBias = place !== 'whole' && skinColours.has(colour) ? bias + skinBias : bias;
  return 1 / (1 + Math.exp(-weight * Math.log((share + leastShare) / (1 - share + leastShare)) - ownBias));
}

function calibrationOf(colour: ColourName): ShareCalibration {
  if (colour === 'dark') return darkCalibration;
  return colour === 'light' ? lightCalibration : basicCalibration;
}
