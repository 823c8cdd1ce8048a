export { ClassDetectorSegmenter, type Evidence } from './pipelines/class-detector.js';
export { createSegmenter, type SegmenterOptions } from './create-segmenter.js';
export type { Detection } from './vision/detections.js';
export { probability } from './answers/logistic.js';
export { decoderShape, planPruning, type PruningPlan } from './language/pruning-plan.js';
export { RegionReasonerSegmenter, type ReasonedQueries, type ReasonedQuery } from './pipelines/region-reasoner.js';
export { paintRegionShape } from './answers/region-shape.js';
export type { SegmentContext, Segmenter, SegmentImage, SegmentOutcome, SegmentStage } from './segmenter.js';
