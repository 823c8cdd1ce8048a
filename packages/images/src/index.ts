export type { TrustedOrigin } from './fetch-policy.js';
export { defaultImageLimits, imageLimits, type ImageLimits } from './image-limits.js';
export { resolveImageSource } from './image-source.js';
export { inspectImage, type ImageHeader } from './inspect-image.js';
