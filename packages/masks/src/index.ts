export { createMask, type BinaryMask } from './binary-mask.js';
export { maskArea, maskBoundingBox } from './measure.js';
export { gIoU } from './metrics.js';
export { intersectionAndUnion, intersectionOverUnion, unionOfMasks, type Overlap } from './overlap.js';
export { paintOverlay } from './overlay.js';
export { maskToPolygons, PolygonLimitError } from './polygons.js';
export { decodeRle, encodeRle, encodeUncompressedRle, type UntrustedRle } from './rle.js';
export { simplifyPolygons } from './simplify.js';
