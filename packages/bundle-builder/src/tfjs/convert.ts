import type { GraphBuilder } from '../onnx/graph-builder.js';
import type { TfjsGraphModel, TfjsNode, TfjsWeight } from './graph-model.js';
import {
  booleanAttribute,
  floatAttribute,
  integerListAttribute,
  stringAttribute,
  stringListAttribute,
} from './graph-model.js';

/** An image-like value of the ONNX graph: float32 [batch, channels, height, width]. */
export interface FeatureMap {
  readonly value: string;
  readonly channels: number;
  /** Height and width where the inputs have the sizes that the conversion was told; none of them is in the ONNX graph. */
  readonly height: number;
  readonly width: number;
  /** Whether the TFJS graph has it as NCHW; NHWC otherwise. */
  readonly channelsFirst?: boolean;
  /** Cells that the TFJS graph has added around the map. Here the convolution or pooling that reads it adds them. */
  readonly padding?: Padding;
}

interface Padding {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
  readonly value: number;
}

/**
 * Adds the part of a TFJS graph model (NHWC, with transpositions to NCHW and back) that leads from `inputs` to `outputs`
 * to an ONNX graph (NCHW), and returns the outputs' feature maps in order. `inputs` maps placeholders' names to values of
 * the graph. The ONNX graph also takes inputs of other sizes, as long as every factor by which a map is resized stays whole.
 * Only the operators of convolutional networks with batch size 1 are known; throws `TypeError` for others and
 * for unusual attributes.
 */
export function convertGraphModel(
  model: TfjsGraphModel,
  graph: GraphBuilder,
  inputs: ReadonlyMap<string, FeatureMap>,
  outputs: readonly string[],
): FeatureMap[] {
  const converted = new Map(inputs);

  function featureMap(name: string): FeatureMap {
    const known = converted.get(name);
    if (known) return known;
    const node = model.nodes.get(name);
    if (!node) throw new TypeError(`the model has no node "${name}"`);
    const result = convertNode(node);
    converted.set(name, result);
    return result;
  }

  function weight(node: TfjsNode, index: number): TfjsWeight {
    const found = model.weights.get(node.inputs[index] ?? '');
    if (!found) throw new TypeError(`input ${index} of "${node.name}" is no weight`);
    return found;
  }

  /** The first input, which may be padded. */
  function paddedInput(node: TfjsNode): FeatureMap {
    return featureMap(node.inputs[0] ?? '');
  }

  /** An input without padding. */
  function input(node: TfjsNode, index: number): FeatureMap {
    const map = featureMap(node.inputs[index] ?? '');
    if (map.padding) throw new TypeError(`"${node.name}" reads a padded map`);
    return map;
  }

  function convertNode(node: TfjsNode): FeatureMap {
    switch (node.operator) {
      case 'Conv2D':
      case '_FusedConv2D':
        return convolution(node, 1);
      case 'DepthwiseConv2dNative':
      case 'FusedDepthwiseConv2dNative':
        return convolution(node, paddedInput(node).channels);
      case 'MaxPool':
        return maximumPool(node);
      case 'Mul':
        return hardSwish(node) ?? elementwise(node);
      case 'Add':
        return elementwise(node);
      case 'Transpose':
        return transposed(node);
      case 'Pad':
        return padded(node, 0);
      case 'PadV2':
        return padded(node, weight(node, 2).values[0] ?? NaN);
      case 'LeakyRelu': {
        const attributes = { alpha: { float: floatAttribute(node, 'alpha') } };
        return withValue(input(node, 0), graph.node('LeakyRelu', [input(node, 0).value], attributes));
      }
      case 'Relu':
      case 'Sigmoid':
      case 'Identity':
        return withValue(input(node, 0), graph.node(node.operator, [input(node, 0).value]));
      case 'Relu6': {
        const clipped = graph.node('Clip', [input(node, 0).value, graph.float32([], [0]), graph.float32([], [6])]);
        return withValue(input(node, 0), clipped);
      }
      case 'Mean':
        return spatialMean(node);
      case 'ResizeBilinear':
        return resizeBilinear(node);
      case 'ConcatV2':
        return channelConcat(node);
      default:
        throw new TypeError(`"${node.name}" has the unsupported operator ${node.operator}`);
    }
  }

  /** TensorFlow's filters are [height, width, in, out], or [height, width, in, multiplier] when depthwise. */
  function convolution(node: TfjsNode, group: number): FeatureMap {
    const source = window(node, 0);
    const filter = weight(node, 1);
    const [kernelHeight = 0, kernelWidth = 0, filterInputs = 0, lastSize = 0] = filter.shape;
    const channels = group === 1 ? lastSize : filterInputs * lastSize;
    if (
      integerListAttribute(node, 'dilations').some((dilation) => dilation !== 1) ||
      filterInputs !== source.channels
    ) {
      throw new TypeError(`"${node.name}" is a dilated or grouped convolution`);
    }
    const [bias, activation, ...others] = stringListAttribute(node, 'fused_ops');
    if ((bias ?? 'BiasAdd') !== 'BiasAdd' || (activation ?? 'Relu') !== 'Relu' || others.length > 0) {
      throw new TypeError(`"${node.name}" fuses ${[bias, activation, ...others].join(', ')}`);
    }
    const dims = [channels, group === 1 ? filterInputs : 1, kernelHeight, kernelWidth];
    const operands = [source.value, graph.weight(dims, outputChannelsFirst(filter, channels))];
    if (bias) operands.push(graph.weight([channels], weight(node, 2).values));
    const { attributes, height, width } = slidingWindow(node, source, [kernelHeight, kernelWidth]);
    const convolved = graph.node('Conv', operands, { ...attributes, group });
    return { value: activation ? graph.node('Relu', [convolved]) : convolved, channels, height, width };
  }

  function maximumPool(node: TfjsNode): FeatureMap {
    const source = window(node, -Infinity);
    const [, kernelHeight = 0, kernelWidth = 0] = integerListAttribute(node, 'ksize');
    const { attributes, height, width } = slidingWindow(node, source, [kernelHeight, kernelWidth]);
    return { value: graph.node('MaxPool', [source.value], attributes), channels: source.channels, height, width };
  }

  /** What a convolution or a pooling reads: an NHWC map, padded with `filling` or not at all. */
  function window(node: TfjsNode, filling: number): FeatureMap {
    const source = paddedInput(node);
    if (source.channelsFirst) throw new TypeError(`"${node.name}" reads a map whose channels are not last`);
    if (source.padding && source.padding.value !== filling) {
      throw new TypeError(`"${node.name}" reads a map padded with ${source.padding.value}`);
    }
    return source;
  }

  function slidingWindow(node: TfjsNode, source: FeatureMap, kernel: readonly [height: number, width: number]) {
    const [, strideY = 1, strideX = 1] = integerListAttribute(node, 'strides');
    const [way, order] = [stringAttribute(node, 'padding'), stringAttribute(node, 'data_format')];
    if (!['SAME', 'VALID'].includes(way) || !['', 'NHWC'].includes(order)) {
      throw new TypeError(`"${node.name}" has the padding ${way} or the data format ${order}`);
    }
    const isSame = way === 'SAME';
    const { padding } = source;
    if (isSame && padding) throw new TypeError(`"${node.name}" pads a padded map`);
    const { top = 0, left = 0, bottom = 0, right = 0 } = padding ?? {};
    const placed = padding ? { pads: [top, left, bottom, right] } : { auto_pad: isSame ? 'SAME_UPPER' : 'VALID' };
    return {
      attributes: { ...placed, kernel_shape: [...kernel], strides: [strideY, strideX] },
      height: outputSize(source.height + top + bottom, kernel[0], strideY, isSame),
      width: outputSize(source.width + left + right, kernel[1], strideX, isSame),
    };
  }

  function transposed(node: TfjsNode): FeatureMap {
    const source = paddedInput(node);
    const toChannelsFirst = !source.channelsFirst;
    if (Array.from(weight(node, 1).values).join() !== (toChannelsFirst ? '0,3,1,2' : '0,2,3,1')) {
      throw new TypeError(`"${node.name}" does not move the channels from one end to the other`);
    }
    return { ...source, channelsFirst: toChannelsFirst };
  }

  function padded(node: TfjsNode, value: number): FeatureMap {
    const source = input(node, 0);
    const { shape, values } = weight(node, 1);
    const cells = Array.from(values);
    // Two numbers per axis: before and after.
    const [top = 0, bottom = 0, left = 0, right = 0] = cells.slice(source.channelsFirst ? 4 : 2);
    const sum = cells.reduce((total, count) => total + count, 0);
    if (shape.join() !== '4,2' || sum !== top + bottom + left + right) {
      throw new TypeError(`"${node.name}" pads other axes than height and width`);
    }
    return sum === 0 ? source : { ...source, padding: { top, left, bottom, right, value } };
  }

  /**
   * `c·x · relu6(x + 3)` of a feature map, or nothing for another product. ONNX Runtime keeps convolutions, their
   * activations and products of maps in its blocked layout, but not a sum with a constant: the second factor is therefore
   * a depthwise convolution of one cell.
   */
  function hardSwish({ inputs }: TfjsNode): FeatureMap | undefined {
    const [scaled, clipped] = inputs.map((name) => model.nodes.get(name));
    if (scaled?.operator !== 'Mul' || clipped?.operator !== 'Relu6') return undefined;
    const shifted = model.nodes.get(clipped.inputs[0] ?? '');
    const [scale, shift] = [scalarOf(scaled), scalarOf(shifted)];
    const name = mapOf(scaled);
    if (shifted?.operator !== 'Add' || scale === undefined || shift !== 3 || mapOf(shifted) !== name) return undefined;
    const source = featureMap(name ?? '');
    const { channels, value } = source;
    const everywhere = (dims: number[], number: number) =>
      graph.float32([channels, ...dims], Array<number>(channels).fill(number));
    const operands = [value, everywhere([1, 1, 1], scale), everywhere([], 3 * scale)];
    const line = graph.node('Conv', operands, { kernel_shape: [1, 1], group: channels });
    const gate = graph.node('Clip', [line, graph.float32([], [0]), graph.float32([], [6 * scale])]);
    return withValue(source, graph.node('Mul', [value, gate]));
  }

  /** The only constant among a node's inputs, when it is a scalar. */
  function scalarOf(node: TfjsNode | undefined): number | undefined {
    const constants = node?.inputs.flatMap((name) => model.weights.get(name) ?? []) ?? [];
    return constants.length === 1 && constants[0]?.shape.length === 0 ? constants[0].values[0] : undefined;
  }

  /** The only input of a node that is no constant. */
  function mapOf(node: TfjsNode): string | undefined {
    const names = node.inputs.filter((name) => !model.weights.has(name));
    return names.length === 1 ? names[0] : undefined;
  }

  /** Whether the operands of a node have their channels first: all or none. */
  function haveChannelsFirst(node: TfjsNode, maps: readonly FeatureMap[]): boolean {
    const [channelsFirst = false, ...others] = maps.map((map) => map.channelsFirst ?? false);
    if (others.some((other) => other !== channelsFirst)) {
      throw new TypeError(`"${node.name}" has operands of two layouts`);
    }
    return channelsFirst;
  }

  function elementwise(node: TfjsNode): FeatureMap {
    const maps = node.inputs.flatMap((name, index) => (model.weights.has(name) ? [] : [input(node, index)]));
    const channelsFirst = haveChannelsFirst(node, maps);
    const operands = node.inputs.map((name) => {
      const constant = model.weights.get(name);
      if (!constant) return featureMap(name);
      const { shape, values } = constant;
      if (shape.length > 1 || (shape.length === 1 && channelsFirst)) {
        throw new TypeError(`"${node.name}" has a constant that is neither a scalar nor one number per channel`);
      }
      const value = graph.float32(shape.length === 1 ? [values.length, 1, 1] : [], values);
      return { value, channels: values.length, height: 1, width: 1 };
    });
    return {
      channelsFirst,
      value: graph.node(
        node.operator,
        operands.map(({ value }) => value),
      ),
      channels: Math.max(...operands.map(({ channels }) => channels)),
      height: Math.max(...operands.map(({ height }) => height)),
      width: Math.max(...operands.map(({ width }) => width)),
    };
  }

  function spatialMean(node: TfjsNode): FeatureMap {
    const axes = Array.from(weight(node, 1).values);
    const source = input(node, 0);
    if (axes.join() !== '1,2' || source.channelsFirst || !booleanAttribute(node, 'keep_dims')) {
      throw new TypeError(`"${node.name}" is no mean over height and width`);
    }
    return {
      value: graph.node('GlobalAveragePool', [source.value]),
      channels: source.channels,
      height: 1,
      width: 1,
    };
  }

  /** Without TensorFlow's two flags, output pixel i lies at input position i / scale. */
  function resizeBilinear(node: TfjsNode): FeatureMap {
    if (booleanAttribute(node, 'align_corners')) throw new TypeError(`"${node.name}" resizes with aligned corners`);
    const source = input(node, 0);
    if (source.channelsFirst) throw new TypeError(`"${node.name}" resizes a map whose channels are not last`);
    const [height = 0, width = 0] = Array.from(weight(node, 1).values);
    const factors = [height / source.height, width / source.width];
    if (!factors.every((factor) => Number.isInteger(factor) || Number.isInteger(1 / factor))) {
      throw new TypeError(`"${node.name}" does not resize by whole factors`);
    }
    const mode = booleanAttribute(node, 'half_pixel_centers') ? 'half_pixel' : 'asymmetric';
    const attributes = { mode: 'linear', coordinate_transformation_mode: mode };
    return {
      value: graph.node('Resize', [source.value, '', graph.float32([4], [1, 1, ...factors])], attributes),
      channels: source.channels,
      height,
      width,
    };
  }

  function channelConcat(node: TfjsNode): FeatureMap {
    const [axis] = Array.from(weight(node, node.inputs.length - 1).values);
    const parts = node.inputs.slice(0, -1).map((_, index) => input(node, index));
    const [first] = parts;
    if (!first) throw new TypeError(`"${node.name}" concatenates nothing`);
    const channelsFirst = haveChannelsFirst(node, parts);
    if (parts.some(({ height, width }) => height !== first.height || width !== first.width)) {
      throw new TypeError(`"${node.name}" concatenates maps of different sizes`);
    }
    const channelAxes = channelsFirst ? [1] : [3, -1];
    if (!channelAxes.includes(axis ?? NaN)) {
      throw new TypeError(`"${node.name}" concatenates along another axis than channels`);
    }
    return {
      channelsFirst,
      value: graph.node(
        'Concat',
        parts.map(({ value }) => value),
        { axis: 1 },
      ),
      channels: parts.reduce((sum, part) => sum + part.channels, 0),
      height: first.height,
      width: first.width,
    };
  }

  return outputs.map(featureMap);
}

function withValue(map: FeatureMap, value: string): FeatureMap {
  return { ...map, value };
}

function outputSize(size: number, kernel: number, stride: number, isSame: boolean): number {
  return isSame ? Math.ceil(size / stride) : Math.ceil((size - kernel + 1) / stride);
}

/** [height, width, in, out] → [out, in, height, width]; a depthwise [height, width, in, 1] → [in, 1, height, width]. */
function outputChannelsFirst({ shape, values }: TfjsWeight, channels: number): Float32Array {
  const [kernelHeight = 0, kernelWidth = 0] = shape;
  const kernelSize = kernelHeight * kernelWidth;
  const perPosition = values.length / kernelSize;
  const inputs = perPosition / channels;
  const result = new Float32Array(values.length);
  for (let position = 0; position < kernelSize; position += 1) {
    for (let input = 0; input < inputs; input += 1) {
      for (let channel = 0; channel < channels; channel += 1) {
        result[(channel * inputs + input) * kernelSize + position] =
          values[position * perPosition + input * channels + channel] ?? 0;
      }
    }
  }
  return result;
}
