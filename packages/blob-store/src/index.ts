export type { BlobExpiry, BlobStore } from './blob-store.js';
export { openFileBlobStore, type FileBlobStoreOptions } from './file-blob-store.js';
export { getImage, imageId, putImage } from './images.js';
export { openBlobStore } from './open-blob-store.js';
export { openRedisBlobStore, type RedisBlobStoreOptions } from './redis-blob-store.js';
export {
  claimVocabulary,
  deleteTrainingImages,
  forgetTraining,
  getTrainingExamples,
  getVocabularyClaim,
  putTrainingExamples,
  putTrainingImage,
  renewVocabularyClaim,
  type VocabularyClaim,
} from './trainings.js';
