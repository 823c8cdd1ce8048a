import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Model } from '../onnx/model.js';
import type { TfjsGraphModel } from '../tfjs/graph-model.js';
import { centerNetMaps, centerNetRegions, imageSize, readCenterNet } from './center-net.js';
import { nanoDetInput, nanoDetMaps, nanoDetRegions, readNanoDet } from './nano-det.js';
import { classCount, RegionLayers } from './regions.js';

/** How many detections and how many regions the tower reports. */
const regionCount = 100;

/** The two networks whose findings the tower merges. */
export interface DetectorModels {
  readonly centerNet: TfjsGraphModel;
  readonly nanoDet: TfjsGraphModel;
}

/** Throws `WeightFileError`. */
export async function readDetectorModels(): Promise<DetectorModels> {
  const [centerNet, nanoDet] = await Promise.all([readCenterNet(), readNanoDet()]);
  return { centerNet, nanoDet };
}

/**
 * CenterNet and NanoDet-g as one detector for a batch of B images. Input `image`: uint8 [B, height, width, 3], RGB,
 * height and width multiples of 32 from 256 to 512. Outputs, each image's sorted by score from high to low, boxes as x0, y0,
 * x1, y1 in shares of width and height:
 *
 * - `region_boxes` float32 [B, 100, 4], `region_class_scores` float32 [B, 100, 80]: what either network takes for an
 *   object of any class, with the scores of all classes by both.
 * - `boxes` float32 [B, 100, 4], `scores` float32 [B, 100], `classes` int64 [B, 100]: the highest class scores of these
 *   regions; a region may have several.
 */
export function detectorTower({ centerNet, nanoDet }: DetectorModels): Model {
  const graph = new GraphBuilder('detector_tower');
  const layers = new RegionLayers(graph);
  const image = imagePlanes(graph);
  const centerNetFound = centerNetRegions(graph, centerNetMaps(graph, centerNet, image), regionCount);
  const { planes, size } = nanoDetInput(graph, image, imageSize);
  const nanoDetFound = nanoDetRegions(graph, nanoDetMaps(graph, nanoDet, planes), size, regionCount);
  const regions = layers.best(layers.merge(centerNetFound, nanoDetFound), regionCount);
  const classScores = graph.node('Sigmoid', [regions.logits]);
  graph.output('region_boxes', regions.boxes, 'float32', ['batch', regionCount, 4]);
  graph.output('region_class_scores', classScores, 'float32', ['batch', regionCount, classCount]);

  const flat = graph.node('Reshape', [classScores, graph.int64([2], [-1, regionCount * classCount])]);
  const { values, indices } = layers.highest(flat, regionCount);
  const classes = graph.int64([], [classCount]);
  const boxes = layers.rows(regions.boxes, graph.node('Div', [indices, classes]), 4);
  graph.output('boxes', boxes, 'float32', ['batch', regionCount, 4]);
  graph.output('scores', values, 'float32', ['batch', regionCount]);
  graph.output('classes', graph.node('Mod', [indices, classes]), 'int64', ['batch', regionCount]);
  return graph.model();
}

/**
 * Both networks without the decoding, to compare them with another implementation. Input as that of the tower, output
 * `nano_det_input` [B, 3, H, W]; of CenterNet `heatmap` and `sizes`, of NanoDet `level_0` to `level_2`, as
 * `centerNetMaps` and `nanoDetMaps` describe them.
 */
export function detectorTowerWithRawOutputs({ centerNet, nanoDet }: DetectorModels): Model {
  const graph = new GraphBuilder('detector_tower_raw');
  const image = imagePlanes(graph);
  const { planes } = nanoDetInput(graph, image, imageSize);
  graph.output('nano_det_input', planes, 'float32', ['batch', 3, 'nano_det_height', 'nano_det_width']);
  const { heatmap, sizes } = centerNetMaps(graph, centerNet, image);
  const levels = nanoDetMaps(graph, nanoDet, planes).map((map, level) => [`level_${level}`, map] as const);
  for (const [name, map] of [['heatmap', heatmap], ['sizes', sizes], ...levels] as const) {
    graph.output(name, map.value, 'float32', ['batch', map.channels, `${name}_height`, `${name}_width`]);
  }
  return graph.model();
}

/** uint8 [B, height, width, 3] → float32 [B, 3, height, width] */
function imagePlanes(graph: GraphBuilder): string {
  const image = graph.input('image', 'uint8', ['batch', 'height', 'width', 3]);
  return graph.cast(graph.node('Transpose', [image], { perm: [0, 3, 1, 2] }), 'float32');
}
