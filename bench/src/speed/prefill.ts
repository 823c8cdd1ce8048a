import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseConfig } from '@tessera/contracts';
import { markdownRows, median, modelDirectory, runCommand, writeSection } from '@tessera/evaluation';
import { BundleError, isBundleOf, loadBundle } from '@tessera/inference';
import { SeededRandom } from '@tessera/runtime';
import { decoderShape, planPruning } from '@tessera/segmentation';
import { tokensPerLayer, unprunedStages, type DecoderShape, type Stage } from '@tessera/token-pruning';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { benchmarkShape, mistakeIn } from './prefill-shape.js';
import { floats, integers, matrixProduct, productSize, productSpeed, time, type Feeds } from './timed-graph.js';

/**
 * `npm run bench:prefill`: what a cut of image tokens saves in the reasoner's graph, and how much of the machine the graph
 * uses. A run is the whole graph, embeddings and scores included. Queries share the image; each has text of its own. The
 * cases take turns, and medians count. Exits 1 when a target is missed. With `-- --document` it writes the table to the
 * guide.
 *
 * With several queries a cut saves less: text is not cut, and the kept tokens are each query's own, while without a cut
 * all queries share every layer's image tokens. The column "of the FLOPs" is what is left to do, and a run with one image
 * token what no cut can save; only one query has a target.
 *
 * `-- --shape llama-7b|llama-1b|smollm2 [--image-tokens 576] [--rounds 5] [--python PYTHON]` times a language model of that
 * shape with random 4-bit weights in its place, one question, with every method: see `prefill-shape.ts`. It needs Python
 * with `training/` installed (`pip install ./training`).
 */
const model = 'tessera-mini';
const reduction = 0.65;
const queryCounts = [1, 4, 16];
const mostOfUncut = 0.4;
const leastOfPeak = 0.5;
const warmUps = 3;
const rounds = 60;
/** The matrix product takes its turn once in this many rounds. */
const roundsPerProduct = 4;

/** A query like "the cup next to the laptop": word pieces, objects that it mentions, and [SEG]. */
const pieceCount = 5;
const mentionCount = 2;
const textTokens = pieceCount + mentionCount + 1;

const textWidth = 512;
const classCount = 80;
const proposalCount = 100;
const mostMentions = 3;

const { values: flags } = parseArgs({
  options: {
    document: { type: 'boolean', default: false },
    shape: { type: 'string', default: 'mini' },
    'image-tokens': { type: 'string', default: '256' },
    rounds: { type: 'string', default: '5' },
    python: { type: 'string', default: process.env.TESSERA_PYTHON ?? 'python3' },
  },
});

const { shape, python } = flags;
const options = { shape, imageTokens: Number(flags['image-tokens']), rounds: Number(flags.rounds), python };
const mistake = mistakeIn(options);
if (mistake !== undefined) {
  console.error(mistake);
  process.exitCode = 2;
} else {
  await runCommand(() => (shape === 'mini' ? benchmarkReasoner() : benchmarkOther()));
}

async function benchmarkOther(): Promise<void> {
  console.log(await benchmarkShape(options));
}

async function benchmarkReasoner(): Promise<void> {
  const bundle = await loadBundle(modelDirectory(model));
  const file = bundle.manifest.graphs.reasoner?.file;
  if (!isBundleOf(bundle, 'region-reasoner') || file === undefined) throw new BundleError(`${model} has no reasoner.`);
  const shape = decoderShape(bundle.manifest.settings);
  const uncut = unprunedStages(shape);
  const { stages: cut } = planPruning(bundle.manifest.settings, { mode: 'csp', reduction });
  const oneToken = uncut.map((stage) => ({ ...stage, imageTokens: 1 }));
  const { TESSERA_THREADS: intraOpNumThreads } = parseConfig(process.env);
  const options = { executionProviders: ['cpu'], ...(intraOpNumThreads === undefined ? {} : { intraOpNumThreads }) };
  const reasoner = await InferenceSession.create(join(bundle.directory, file), options);

  const random = new SeededRandom(1);
  const cases = queryCounts.map((queries) =>
    [uncut, cut, oneToken].map((stages) => ({
      feeds: reasonerFeeds(random, shape, stages, queries),
      flops: prefillFlops(shape, stages, queries),
      times: [] as number[],
    })),
  );
  const product = await matrixProduct(random, options);
  const productTimes: number[] = [];
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const { feeds, times } of cases.flat()) {
      const milliseconds = await time(reasoner, feeds);
      if (round >= 0) times.push(milliseconds);
    }
    if (round % roundsPerProduct === 0) productTimes.push(await time(product.session, product.feeds));
  }

  const peak = productSpeed(productTimes);
  const misses: string[] = [];
  const rows = queryCounts.map((queries, index) => {
    const [all, less, one] = (cases[index] ?? []).map(({ flops, times }) => ({ flops, ms: median(times) }));
    if (all === undefined || less === undefined || one === undefined) throw new Error(`no case of ${queries} queries`);
    const speed = all.flops / all.ms / 1e6;
    const [ofPeak, ofUncut] = [speed / peak, less.ms / all.ms];
    if (ofPeak < leastOfPeak)
      misses.push(`${queries} queries reach ${ofPeak.toFixed(2)} of the matrix product's speed`);
    if (queries === 1 && ofUncut > mostOfUncut) misses.push(`the cut leaves ${ofUncut.toFixed(2)} of one query's time`);
    const [allMs, lessMs] = [all.ms, less.ms].map((ms) => `${ms.toFixed(1)} ms`);
    const ratios = [ofUncut, less.flops / all.flops, one.ms / all.ms].map((ratio) => ratio.toFixed(2));
    return [String(queries), allMs ?? '', speed.toFixed(0), ofPeak.toFixed(2), lessMs ?? '', ...ratios];
  });
  const header = ['queries', 'all tokens', 'GFLOP/s', 'of the product’s', 'cut', 'of the time', 'of the FLOPs'];
  const table = [
    markdownRows([...header, 'one token, of the time'], rows),
    `\nA ${productSize}³ float32 matrix product: ${peak.toFixed(0)} GFLOP/s. “Cut”: ${reduction * 100} % of the image tokens’ FLOPs.`,
  ].join('\n');
  console.log(table);
  if (flags.document) await writeSection('docs/guides/token-pruning.md', 'prefill', table);
  console.log(
    `\nTargets: with one query at most ${mostOfUncut} of the time, and at least ${leastOfPeak} of the matrix product's speed.`,
  );
  if (misses.length > 0) {
    console.error(`missed: ${misses.join('; ')}`);
    process.exitCode = 1;
  }
}

/** What the contract in `training/tessera_training/export.py` asks for, with made-up values: the time does not depend on them. */
function reasonerFeeds(random: SeededRandom, shape: DecoderShape, stages: readonly Stage[], queries: number): Feeds {
  const mentions = new Float32Array(queries * mostMentions * classCount);
  for (let query = 0; query < queries; query += 1) {
    for (let mention = 0; mention < mentionCount; mention += 1) {
      mentions[(query * mostMentions + mention) * classCount + mention] = 1;
    }
  }
  return {
    region_boxes: floats(random, proposalCount, 4),
    region_class_scores: floats(random, proposalCount, classCount),
    sentence: floats(random, queries, textWidth),
    pieces: floats(random, queries, pieceCount, textWidth),
    lengths: integers([queries], new Array<number>(queries).fill(pieceCount)),
    mentions: new Tensor('float32', mentions, [queries, mostMentions, classCount]),
    priority: floats(random, shape.imageTokens),
    image_tokens: integers([shape.layers], tokensPerLayer(stages)),
    scatter: integers([], [0]),
  };
}

/** Multiplications and additions of a prefill; image tokens are shared until every query keeps its own. */
function prefillFlops({ width, feedForwardWidth }: DecoderShape, stages: readonly Stage[], queries: number): number {
  const perToken = 4 * width ** 2 + 3 * width * feedForwardWidth;
  const macs = stages.map(({ name, layers: [from, to], imageTokens }) => {
    const image = imageTokens * (perToken + 2 * width * imageTokens);
    const text = textTokens * (perToken + 2 * width * (imageTokens + textTokens));
    return (to - from) * ((name === 'pruning' ? queries : 1) * image + queries * text);
  });
  return 2 * macs.reduce((sum, own) => sum + own, 0);
}
