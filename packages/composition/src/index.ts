export { compositionAt, hashCandidates, selectCandidates, type CandidateSet } from './candidates/candidate-set.js';
export {
  checkLength,
  checkName,
  compositionKey,
  compositionLabel,
  objectOf,
  type Composition,
} from './candidates/composition.js';
export { feasibilityScores, feasibleCandidates } from './candidates/feasibility.js';
export { canonicalName, NameIndex } from './candidates/primitive-name.js';
export {
  closedWorld,
  objectCandidates,
  openWorld,
  pairCandidates,
  requireKnownPrimitives,
} from './candidates/worlds.js';
export { chooseFeasibilityThreshold } from './evaluation/feasibility-threshold.js';
export { EvaluationError, evaluateLogits, type GeneralisedEvaluation } from './evaluation/generalised-evaluation.js';
export type { LabelledLogits } from './evaluation/image-ranking.js';
export { drawLinePlot, escapeXml, type PlotAxis } from './evaluation/line-plot.js';
export { drawSeenUnseenCurves } from './evaluation/seen-unseen-curve.js';
export { fromHalfFloats, toHalfFloats } from './scoring/half-float.js';
export { computeLogits, type TextMatrix } from './scoring/logits.js';
export { bestCandidate, meanEmbedding, noneFeatures, type BestCandidate } from './scoring/none-features.js';
export type { Vocabulary } from './vocabulary/vocabulary.js';
export { scoreCandidates, type CandidateScores } from './scoring/score-candidates.js';
export {
  readSafetensors,
  SafetensorsError,
  tensorValues,
  writeSafetensors,
  type StoredTensor,
} from './vocabulary/safetensors.js';
export {
  describeVocabulary,
  hashVocabulary,
  parseVocabulary,
  serializeVocabulary,
} from './vocabulary/vocabulary-file.js';
