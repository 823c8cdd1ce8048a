import { execFile } from 'node:child_process';
import { statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { markdownRows, median, milliseconds, repositoryRoot } from '@tessera/evaluation';
import { percent, SeededRandom } from '@tessera/runtime';
import {
  averageImageTokens,
  flopsReduction,
  planBaseline,
  planSchedule,
  scheduleStages,
  stagesFlops,
  tokensPerLayer,
  unprunedStages,
  type DecoderShape,
  type Stage,
} from '@tessera/token-pruning';
import { InferenceSession, type Tensor } from 'onnxruntime-node';
import { inTemporaryDirectory } from './temporary-directory.js';
import { floats, integers, matrixProduct, productSize, productSpeed, time, type Feeds } from './timed-graph.js';

const run = promisify(execFile);

/** A language model whose prefill is timed. */
interface PrefillShape extends Omit<DecoderShape, 'imageTokens'> {
  /** Memory that a session of the graph takes with 4-bit weights. */
  readonly gigabytes: number;
  /** Multiply-accumulates of what runs beside the language model, where it is known. */
  readonly otherMacs?: number;
}

/** A vision transformer: tokens n see each other in windows of so many, in some layers all others. */
function visionMacs(layers: number, width: number, tokens: number, window: number, globalLayers: number): number {
  const products = 12 * tokens * width ** 2;
  const attention = (seen: number) => 2 * tokens * seen * width;
  return layers * products + globalLayers * attention(tokens) + (layers - globalLayers) * attention(window);
}

/** LISA-7B's towers: CLIP ViT-L/14 at 224 pixels and SAM ViT-H at 1024; its mask decoder is under a hundredth of them. */
const lisaTowers = visionMacs(24, 1024, 257, 257, 24) + visionMacs(32, 1280, 4096, 196, 4);

/** As `training/tessera_export/random_language_model.py` has them. */
export const shapes: Readonly<Record<string, PrefillShape>> = {
  'llama-7b': { layers: 32, width: 4096, feedForwardWidth: 11008, gigabytes: 8, otherMacs: lisaTowers },
  'llama-1b': { layers: 16, width: 2048, feedForwardWidth: 8192, gigabytes: 2 },
  smollm2: { layers: 30, width: 576, feedForwardWidth: 1536, gigabytes: 1 },
  tiny: { layers: 4, width: 64, feedForwardWidth: 128, gigabytes: 1 },
};
const shapeNames = Object.keys(shapes);

/** Tokens before the image and those of a question after it, as in LISA's prompt. */
const prefixTokens = 32;
const questionTokens = 32;
const textTokens = prefixTokens + questionTokens;
const reductions = [0.65, 0.7];
const baselines = ['fastv', 'pyramid', 'cls_topk', 'random'] as const;
const vocabulary = 1024;
const [leastImageTokens, mostImageTokens] = [8, 4096 - textTokens]; // of the graph's rotary positions
const mostRounds = 100;
/** Embeddings and rotary positions, at most. */
const tableBytes = 16e6;

export interface ShapeOptions {
  readonly shape: string;
  readonly imageTokens: number;
  readonly rounds: number;
  /** The Python that writes the graph, with `training[export]` installed. */
  readonly python: string;
}

/** @returns what is wrong with flags, in one line; nothing where they are right */
export function mistakeIn({ shape, imageTokens, rounds }: Omit<ShapeOptions, 'python'>): string | undefined {
  if (shape !== 'mini' && !shapeNames.includes(shape)) return `--shape is one of mini, ${shapeNames.join(', ')}`;
  if (!isWhole(imageTokens, leastImageTokens, mostImageTokens)) {
    return `--image-tokens is a whole number from ${leastImageTokens} to ${mostImageTokens}`;
  }
  return isWhole(rounds, 1, mostRounds) ? undefined : `--rounds is a whole number from 1 to ${mostRounds}`;
}

function isWhole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && least <= value && value <= most;
}

interface Case {
  readonly name: string;
  readonly stages: readonly Stage[];
  readonly times: number[];
}

/**
 * Times the prefill of one question with all image tokens, with two cuts by clustering, scattering and pruning, and with
 * every baseline at the FLOPs of the first cut, in turn.
 *
 * @returns the table
 * @throws Error when there is too little memory or room on the disk, or Python cannot write the graph
 */
export async function benchmarkShape({ shape: name, imageTokens, rounds, python }: ShapeOptions): Promise<string> {
  const known = shapes[name];
  if (known === undefined) throw new Error(`--shape is one of ${shapeNames.join(', ')}`);
  const { bavail, bsize } = await statfs(tmpdir());
  requireRoom(name, known, { memory: freemem(), disk: bavail * bsize });
  const shape: DecoderShape = { ...known, imageTokens };
  return inTemporaryDirectory('tessera-prefill-', async (directory, signal) => {
    const module = 'tessera_export.random_language_model';
    const values = ['--shape', name, '--image-tokens', String(imageTokens), '--out', directory];
    await run(python, ['-m', module, ...values], {
      cwd: join(repositoryRoot, 'training'),
      signal,
      killSignal: 'SIGKILL',
    });
    const options = { executionProviders: ['cpu'] };
    const model = await InferenceSession.create(join(directory, 'language_model.onnx'), options);
    const cases = casesOf(shape);
    const random = new SeededRandom(1);
    const product = await matrixProduct(random, options);
    const image = floats(random, 1, imageTokens, shape.width);
    const productTimes: number[] = [];
    // The first round allocates memory.
    for (let round = -1; round < rounds; round += 1) {
      for (const { stages, times } of cases) {
        const ms = await time(model, feedsOf(random, shape, stages, image));
        if (round >= 0) times.push(ms);
      }
      if (round >= 0) productTimes.push(await time(product.session, product.feeds));
    }
    return tableOf(shape, known.otherMacs, cases, productSpeed(productTimes));
  });
}

/**
 * @param free - bytes of memory, and of the disk that the graph is written to
 * @throws Error when a shape needs more
 */
export function requireRoom(
  name: string,
  { gigabytes, width, feedForwardWidth }: PrefillShape,
  free: { readonly memory: number; readonly disk: number },
): void {
  if (free.memory < gigabytes * 1e9) throw new Error(`${name} needs ${gigabytes} GB of free memory.`);
  // All layers share the weights of one, in 4-bit blocks with their scales.
  const disk = tableBytes + 0.6 * width * (4 * width + 3 * feedForwardWidth);
  if (free.disk < disk) {
    throw new Error(`${name} needs ${Math.ceil(disk / 1e6)} MB of free disk for its weights; TMPDIR names another.`);
  }
}

/** Without a cut and with the cuts by clustering, scattering and pruning: the image tokens that enter each layer. */
export function prefillCases(shape: DecoderShape): { name: string; image_tokens: number[] }[] {
  return [{ name: 'off', stages: unprunedStages(shape) }, ...cutsOf(shape)].map(({ name, stages }) => {
    return { name, image_tokens: tokensPerLayer(stages) };
  });
}

function cutsOf(shape: DecoderShape): Omit<Case, 'times'>[] {
  const { layers, imageTokens } = shape;
  const shipped = {
    clusterLayers: layers / 2,
    scatterLayers: Math.round((layers * 3) / 16),
    selectedTokens: imageTokens / 4,
    keptTokens: imageTokens / 8,
  };
  return reductions.map((reduction) => {
    const stages = scheduleStages(shape, planSchedule(shape, shipped, reduction));
    return { name: `csp ${Math.round(100 * reduction)} %`, stages };
  });
}

function casesOf(shape: DecoderShape): Case[] {
  // FastV cuts after its second layer.
  const others = baselines.map((method) => {
    return { name: method, stages: planBaseline(shape, method, reductions[0] ?? 0, 2), times: [] };
  });
  const cuts = cutsOf(shape).map((cut) => ({ ...cut, times: [] }));
  return [{ name: 'off', stages: unprunedStages(shape), times: [] }, ...cuts, ...others];
}

function tableOf(shape: DecoderShape, otherMacs: number | undefined, cases: readonly Case[], peak: number): string {
  const off = median(cases[0]?.times ?? []);
  const rows = cases.map(({ name, stages, times }) => {
    const ms = median(times);
    const flops = stagesFlops(shape, stages, { textTokens });
    const saved = [{}, { textTokens }, ...(otherMacs === undefined ? [] : [{ textTokens, otherMacs }])];
    return [
      name,
      averageImageTokens(shape, stages).toFixed(1),
      ...saved.map((work) => `${percent(flopsReduction(shape, stages, work))} %`),
      milliseconds(ms),
      `${(ms / off).toFixed(2)} ×`,
      `${(flops / ms / 1e6).toFixed(0)} (${(flops / ms / 1e6 / peak).toFixed(2)})`,
    ];
  });
  const counts = ['image tokens’ FLOPs', 'with text', ...(otherMacs === undefined ? [] : ['with both towers'])];
  const header = ['method', 'image tokens a layer', ...counts, 'prefill', 'of off', 'GFLOP/s (of the product’s)'];
  const note = `${textTokens} text tokens, ${shape.imageTokens} image tokens, random 4-bit weights. The FLOPs are those saved. A ${productSize}³ float32 matrix product: ${peak.toFixed(0)} GFLOP/s.`;
  return `${markdownRows(header, rows)}\n\n${note}`;
}

function feedsOf(
  random: SeededRandom,
  { layers, imageTokens }: DecoderShape,
  stages: readonly Stage[],
  image: Tensor,
): Feeds {
  const words = (count: number) => Array.from({ length: count }, () => Math.floor(vocabulary * random.next()));
  return {
    prefix: integers([prefixTokens], words(prefixTokens)),
    image_embeddings: image,
    text: integers([1, questionTokens], words(questionTokens)),
    lengths: integers([1], [questionTokens]),
    priority: floats(random, imageTokens),
    image_tokens: integers([layers], tokensPerLayer(stages)),
  };
}
