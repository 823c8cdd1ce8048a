export { ClassDetectorSegmenter, type Evidence } from './class-detector-segmenter.js';
export { createSegmenter, type SegmenterOptions } from './create-segmenter.js';
export type { Detection } from './detections.js';
export { probability } from './logistic.js';
export type { PruningPlan } from './pruning-plan.js';
export { RegionReasonerSegmenter, type ReasonedQueries, type ReasonedQuery } from './region-reasoner-segmenter.js';
export { paintRegionShape } from './region-shape.js';
export type { SegmentContext, Segmenter, SegmentImage, SegmentOutcome, SegmentStage } from './segmenter.js';
