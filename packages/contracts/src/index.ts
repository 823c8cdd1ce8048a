export * from './bundle.js';
export * from './classify-composition.js';
export * from './config.js';
export * from './errors.js';
export * from './job.js';
export * from './operations.js';
export * from './segment.js';
export * from './vocabulary.js';
