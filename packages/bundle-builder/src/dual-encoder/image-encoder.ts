import { GraphBuilder } from '../onnx/graph-builder.js';
import type { Graph, Model } from '../onnx/model.js';
import { prefixNames } from '../onnx/prefix-names.js';
import { convertGraphModel } from '../tfjs/convert.js';
import type { TfjsGraphModel } from '../tfjs/graph-model.js';

const towerInput = 'tower_0/images';
const headPrefix = 'head/';

/** How the trained head is put on the frozen tower. */
export interface TowerCut {
  /** Side of the images that the encoder reads, in pixels. */
  readonly imageSize: number;
  /** The head's inputs and the nodes of the tower whose feature maps [B, channels, height, width] they take. */
  readonly features: Readonly<Record<string, string>>;
  /** The head's input that takes the pixels themselves, float32 [B, 3, S, S] from 0 to 255. */
  readonly pixels: string;
}

/**
 * The frozen tower and the trained head as one graph. Input `pixels`: uint8 [B, S, S, 3], RGB. Output `image_embeds`:
 * float32 [B, D], not normalised.
 *
 * @param head - a model with an input for each feature map and one for the pixels, and the output `image_embeds`
 */
export function imageEncoder(tower: TfjsGraphModel, head: Model, cut: TowerCut): Model {
  const graph = new GraphBuilder('image_encoder');
  const planes = inputPlanes(graph, cut);
  const features = featureMaps(graph, tower, cut, planes);
  const source = prefixNames(head.graph, headPrefix);
  const inputs = head.graph.inputs.map(({ name }): [string, string] => {
    const input = `${headPrefix}${name}`;
    return [input, (name === cut.pixels ? planes : features[name]) ?? input];
  });
  graph.include(source, Object.fromEntries(inputs));
  const { name, dims } = onlyOutput(source);
  graph.output('image_embeds', name, 'float32', ['batch', dims.at(-1) ?? 'width']);
  return graph.model(head.operatorSets['']);
}

/** The tower alone, for comparisons: input `pixels` as above, an output `head/…` for each of the head's inputs. */
export function imageTower(tower: TfjsGraphModel, cut: TowerCut, operatorSet: number | undefined): Model {
  const graph = new GraphBuilder('image_tower');
  const planes = inputPlanes(graph, cut);
  const outputs = { ...featureMaps(graph, tower, cut, planes), [cut.pixels]: planes };
  for (const [name, value] of Object.entries(outputs)) {
    graph.output(`${headPrefix}${name}`, value, 'float32', ['batch', 'channels', 'height', 'width']);
  }
  return graph.model(operatorSet);
}

function inputPlanes(graph: GraphBuilder, { imageSize }: TowerCut): string {
  const pixels = graph.input('pixels', 'uint8', ['batch', imageSize, imageSize, 3]);
  return graph.cast(graph.node('Transpose', [pixels], { perm: [0, 3, 1, 2] }), 'float32');
}

function featureMaps(
  graph: GraphBuilder,
  tower: TfjsGraphModel,
  { imageSize, features }: TowerCut,
  planes: string,
): Record<string, string> {
  const input = { value: planes, channels: 3, height: imageSize, width: imageSize };
  const maps = convertGraphModel(tower, graph, new Map([[towerInput, input]]), Object.values(features));
  return Object.fromEntries(Object.keys(features).map((name, index) => [name, maps[index]?.value ?? '']));
}

function onlyOutput({ outputs }: Graph): Graph['outputs'][number] {
  const [output] = outputs;
  if (!output || outputs.length !== 1) throw new TypeError('the image head has not exactly one output');
  return output;
}
