export type { FetchPolicy, ResolvedAddress } from './fetch-policy.js';
export type { ImageFormat } from './image-format.js';
export { defaultImageLimits, imageLimits } from './image-limits.js';
export type { ImageLimits } from './image-limits.js';
export { resolveImageSource } from './image-source.js';
export type { ImageSourceOptions } from './image-source.js';
export { inspectImage } from './inspect-image.js';
export type { ImageHeader } from './inspect-image.js';
