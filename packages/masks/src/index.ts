export { createMask, type BinaryMask, type BoundingBox } from './binary-mask.js';
export { componentMask, connectedComponents, type Components } from './components.js';
export { maskArea, maskBoundingBox } from './measure.js';
export { cIoU, gIoU } from './metrics.js';
export { intersectionAndUnion, intersectionOverUnion, unionOfMasks, type Overlap } from './overlap.js';
export { encodePng } from './png.js';
export { maskToPolygons, PolygonLimitError, type PolygonLimits } from './polygons.js';
export {
  decodeRle,
  encodeRle,
  encodeUncompressedRle,
  rleArea,
  rleBoundingBox,
  type CompressedRle,
  type RleLimits,
  type UncompressedRle,
  type UntrustedRle,
} from './rle.js';
export { RleError } from './rle-error.js';
