export { probability } from './answers/logistic.js';
export { classFeatures } from './answers/object-choice.js';
export { paintObject } from './answers/object-painting.js';
export { paintRegionShape } from './answers/region-shape.js';
export { decoderShape, planPruning, type PruningPlan } from './language/pruning-plan.js';
export { ClassDetector } from './pipelines/class-detector.js';
export { createSegmenter, type SegmenterOptions } from './pipelines/create-segmenter.js';
export { PipelineSegmenter } from './pipelines/pipeline-segmenter.js';
export { RegionReasoner, type ReasonedQueries, type ReasonedQuery } from './pipelines/region-reasoner.js';
export type {
  SegmentContext,
  Segmenter,
  SegmentImage,
  SegmentOutcome,
  SegmentQuestion,
  SegmentStage,
} from './segmenter.js';
export { bestScores, type Detection } from './vision/detections.js';
