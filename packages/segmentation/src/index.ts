export { createSegmenter, type SegmenterOptions } from './create-segmenter.js';
export type { SegmentContext, Segmenter, SegmentImage, SegmentOutcome, SegmentStage } from './segmenter.js';
