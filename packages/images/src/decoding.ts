export { decodeForModels, scaledToLongestSide } from './decode-image.js';
export type { PixelImage, ResizeTarget } from './decode-image.js';
export { encodePicture } from './encode-picture.js';
