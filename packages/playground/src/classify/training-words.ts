import type { Progress, VocabularyDescription } from '@tessera/client';
import { percent } from '../page/words.js';

/** Why a training has no AUC. */
export const noAuc = 'There is no AUC: it compares seen with unseen pairs, and the validation photos do not show both.';

const phases = { choice: 'choosing how many epochs are best', final: 'learning from all photos' } as const;

/** How far a training is. */
export function progressSentence({ stage, epoch, epochs = 1, phase, loss, validation_auc: auc }: Progress): string {
  if (epoch === undefined || epoch === 0) return `${stage} …`;
  const purpose = phase === undefined ? '' : `, ${phases[phase]}`;
  return `Epoch ${epoch} of ${epochs}${purpose}: loss ${loss?.toFixed(3) ?? '–'}, AUC ${auc === undefined ? '–' : precisely(auc)}`;
}

/** What came of a training. */
export function trainedSentence({ name, metrics }: Pick<VocabularyDescription, 'name' | 'metrics'>): string {
  const measures =
    metrics === undefined ? noAuc : `AUC ${precisely(metrics.auc)}, best harmonic mean ${percent(metrics.best_hm)}.`;
  return `${name} is trained. ${measures}`;
}

/** A measure as the command line and the literature have it. */
function precisely(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
