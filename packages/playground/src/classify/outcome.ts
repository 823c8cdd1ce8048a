import { percent } from '../page/words.js';

interface Outcome {
  /** Best first. */
  readonly predictions: readonly { readonly label: string }[];
  /** Probability that no pair fits; undefined where the model cannot tell. */
  readonly none?: number | undefined;
}

/** From here on it is more likely that no pair fits than that one does. */
const doubt = 0.5;

/** What the photo shows, as a headline. A pair that probably does not fit is not one. */
export function headline({ predictions: [best], none = 0 }: Outcome): string {
  if (best === undefined) return 'No pair';
  return none > doubt ? 'Probably none of these' : best.label;
}

/** How sure that is. */
export function certainty({ predictions: [best], none }: Outcome): string | undefined {
  if (none === undefined) return undefined;
  const sentence = `Probability that none of the pairs fits: ${percent(none)}.`;
  return best === undefined || none <= doubt ? sentence : `${sentence} The closest is ${best.label}.`;
}

/** The answer, for who does not see it. */
export function outcomeSentence(outcome: Outcome): string {
  const { predictions, none = 0 } = outcome;
  const [best] = predictions;
  if (best === undefined) return 'No pair.';
  if (none <= doubt) return `${best.label} is the best pair.`;
  return `Probably none of these pairs, ${percent(none)}. The closest is ${best.label}.`;
}
