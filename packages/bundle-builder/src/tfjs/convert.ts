import type { GraphBuilder } from '../onnx/graph-builder.js';
import type { TfjsGraphModel, TfjsNode, TfjsWeight } from './graph-model.js';
import { booleanAttribute, integerListAttribute, stringAttribute, stringListAttribute } from './graph-model.js';

/** An image-like value of the ONNX graph: float32 [batch, channels, height, width]. */
export interface FeatureMap {
  readonly value: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/**
 * Adds the part of a TFJS graph model (NHWC) that leads from `inputs` to `outputs` to an ONNX graph (NCHW), and returns
 * the outputs' feature maps in order. `inputs` maps placeholders' names to values of the graph. Only the operators of
 * convolutional networks with batch size 1 are known; throws `TypeError` for others and for unusual attributes.
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

  function input(node: TfjsNode, index: number): FeatureMap {
    return featureMap(node.inputs[index] ?? '');
  }

  function convertNode(node: TfjsNode): FeatureMap {
    switch (node.operator) {
      case 'Conv2D':
      case '_FusedConv2D':
        return convolution(node, 1);
      case 'DepthwiseConv2dNative':
      case 'FusedDepthwiseConv2dNative':
        return convolution(node, input(node, 0).channels);
      case 'Mul':
        return hardSwish(node) ?? elementwise(node);
      case 'Add':
        return elementwise(node);
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
    const source = input(node, 0);
    const filter = weight(node, 1);
    const [kernelHeight = 0, kernelWidth = 0, filterInputs = 0, lastSize = 0] = filter.shape;
    const channels = group === 1 ? lastSize : filterInputs * lastSize;
    const [, strideY = 1, strideX = 1] = integerListAttribute(node, 'strides');
    const padding = stringAttribute(node, 'padding');
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
    const convolved = graph.node('Conv', operands, {
      auto_pad: padding === 'SAME' ? 'SAME_UPPER' : 'VALID',
      kernel_shape: [kernelHeight, kernelWidth],
      strides: [strideY, strideX],
      group,
    });
    return {
      value: activation ? graph.node('Relu', [convolved]) : convolved,
      channels,
      height: outputSize(source.height, kernelHeight, strideY, padding),
      width: outputSize(source.width, kernelWidth, strideX, padding),
    };
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

  function elementwise(node: TfjsNode): FeatureMap {
    const operands = node.inputs.map((name) => {
      const constant = model.weights.get(name);
      if (!constant) return featureMap(name);
      if (constant.shape.length > 0) throw new TypeError(`"${node.name}" has a constant that is no scalar`);
      return { value: graph.float32([], constant.values), channels: 1, height: 1, width: 1 };
    });
    return {
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
    if (axes.join() !== '1,2' || !booleanAttribute(node, 'keep_dims')) {
      throw new TypeError(`"${node.name}" is no mean over height and width`);
    }
    const source = input(node, 0);
    return {
      value: graph.node('GlobalAveragePool', [source.value]),
      channels: source.channels,
      height: 1,
      width: 1,
    };
  }

  /** Without TensorFlow's two flags, output pixel i lies at input position i / scale. */
  function resizeBilinear(node: TfjsNode): FeatureMap {
    if (booleanAttribute(node, 'align_corners') || booleanAttribute(node, 'half_pixel_centers')) {
      throw new TypeError(`"${node.name}" resizes with flags that are not supported`);
    }
    const source = input(node, 0);
    const [height = 0, width = 0] = Array.from(weight(node, 1).values);
    const factors = [height / source.height, width / source.width];
    if (!factors.every(Number.isInteger)) throw new TypeError(`"${node.name}" does not enlarge by whole factors`);
    const attributes = { mode: 'linear', coordinate_transformation_mode: 'asymmetric' };
    return {
      value: graph.node('Resize', [source.value, '', graph.float32([4], [1, 1, ...factors])], attributes),
      channels: source.channels,
      height,
      width,
    };
  }

  function channelConcat(node: TfjsNode): FeatureMap {
    const [axis] = Array.from(weight(node, node.inputs.length - 1).values);
    if (axis !== 3 && axis !== -1) throw new TypeError(`"${node.name}" concatenates along another axis than channels`);
    const parts = node.inputs.slice(0, -1).map(featureMap);
    const [first] = parts;
    if (!first) throw new TypeError(`"${node.name}" concatenates nothing`);
    return {
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

function withValue({ channels, height, width }: FeatureMap, value: string): FeatureMap {
  return { value, channels, height, width };
}

function outputSize(size: number, kernel: number, stride: number, padding: string): number {
  return padding === 'SAME' ? Math.ceil(size / stride) : Math.ceil((size - kernel + 1) / stride);
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
