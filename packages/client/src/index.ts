export {
  TesseraClient,
  type CallOptions,
  type ClassifyCall,
  type ClientOptions,
  type ImageInput,
  type JobOptions,
  type SegmentCall,
  type TrainingArchive,
} from './client.js';
export type { JobUpdate } from './job-updates.js';
export { decodeMask, maskImage, paintMask, type Colour, type RgbaImage } from './paint-mask.js';
export { ConnectionError, ServiceError } from './service-error.js';
export type {
  ClassifyCompositionRequest,
  ClassifyCompositionResponse,
  ErrorCode,
  FailedWebhook,
  JobResponse,
  Mask,
  ModelDescription,
  ProblemDetails,
  Progress,
  ReadyzResponse,
  SegmentInstance,
  SegmentPrompt,
  SegmentQueryResult,
  SegmentRequest,
  SegmentResponse,
  StoredImage,
  TrainingOptions,
  TrainVocabularyRequest,
  VocabularyDescription,
  VocabularySummary,
  Warning,
} from '@tessera/contracts';
export { decodeRle, maskArea, maskBoundingBox, maskToPolygons, type BinaryMask } from '@tessera/masks';
