export * from './blob-keys.js';
export type { BlobCache, CacheState } from './blob-cache.js';
export type { BlobExpiry, BlobStore } from './blob-store.js';
export { openFileBlobStore } from './file-blob-store.js';
export { getImage, imageId, putImage } from './images.js';
export { openBlobCache } from './open-blob-cache.js';
export { openBlobStore } from './open-blob-store.js';
export {
  claimVocabulary,
  deleteTrainingImages,
  forgetTraining,
  getTrainingExamples,
  getVocabularyClaim,
  putTrainingExamples,
  putTrainingImage,
  renewVocabularyClaim,
} from './trainings.js';
