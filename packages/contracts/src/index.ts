export * from './classify-composition.js';
export * from './errors.js';
export * from './segment.js';
