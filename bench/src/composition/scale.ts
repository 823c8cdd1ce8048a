import { parseArgs } from 'node:util';
import type { Vocabulary } from '@tessera/composition';
import { createCompositionModel, type CompositionModel } from '@tessera/dual-encoder';
import { median, readApparel, runCommand, withRuntime, type LabelledPhoto } from '@tessera/evaluation';
import type { InferenceRunner } from '@tessera/inference';
import { processMemory } from '@tessera/runtime/process';
import { readCgqaPairs } from './cgqa-pairs.js';

/**
 * Classifies photos among the pairs of C-GQA, with `--attributes` of its first ones only, with `--threshold` among the
 * feasible ones, and prints {@link ScaleFigures} as JSON. `npm run bench:composition` starts it as a process of its own, so
 * that the peak memory is that of this alone.
 */
const { values: flags } = parseArgs({ options: { attributes: { type: 'string' }, threshold: { type: 'string' } } });

/** Pairs of the literature's open world once the infeasible ones are left out. */
const feasiblePairs = 10_500;
const warmRequests = 7;

/** What is printed. */
export interface ScaleFigures {
  readonly attributes: number;
  readonly objects: number;
  readonly candidates: number;
  /** Milliseconds of the first request, whose prompts are encoded; without decoding and image encoder. */
  readonly coldMs: number;
  /** The same of a further request about another photo, the median of several. */
  readonly warmMs: number;
  /** Peak resident bytes of the process and of its inference process. */
  readonly memory: { readonly parent: number; readonly child: number } | undefined;
  /** The threshold of feasibility that was used, or one that leaves about as many pairs as in the literature. */
  readonly usefulThreshold: number;
}

await runCommand(() =>
  withRuntime('tessera-dual', async ({ bundle, runner }) => {
    const photos = await readApparel();
    const model = await createCompositionModel(bundle, runner);
    const vocabulary = await cgqaVocabulary(model, photos);
    const threshold = flags.threshold === undefined ? undefined : Number(flags.threshold);
    const feasible = threshold === undefined ? {} : { feasibility_threshold: threshold };
    const times: number[] = [];
    let candidates = 0;
    for (const { image } of photos.slice(0, 1 + warmRequests)) {
      const startedAt = performance.now();
      const outcome = await model.classify([image], vocabulary, { world: 'open', ...feasible });
      times.push(performance.now() - startedAt - outcome.timingsMs.decode - outcome.timingsMs.vision);
      candidates = outcome.candidates.count;
    }
    const figures: ScaleFigures = {
      attributes: vocabulary.attributes.length,
      objects: vocabulary.objects.length,
      candidates,
      coldMs: times[0] ?? Number.NaN,
      warmMs: median(times.slice(1)),
      memory: peakMemory(runner),
      usefulThreshold: threshold ?? (await thresholdFor(model, vocabulary, photos)),
    };
    console.log(JSON.stringify(figures));
  }),
);

/** The lists of C-GQA as a vocabulary without learned rows, which take as long to use as learned ones. */
async function cgqaVocabulary(model: CompositionModel, photos: readonly LabelledPhoto[]): Promise<Vocabulary> {
  const lists = await readCgqaPairs();
  const attributes = lists.attributes.slice(0, Number(flags.attributes ?? lists.attributes.length));
  const examples = [photos[0], photos.at(-1)].flatMap((photo) => {
    if (photo === undefined) return [];
    const [attribute = '', object = ''] = photo.composition;
    return [{ image: photo.image, attributes: [attribute], object }];
  });
  const untrained = await model.trainVocabulary({ name: 'c-gqa', method: 'clip', examples });
  const seen_pairs = lists.trainPairs.filter(([attribute = '']) => attributes.includes(attribute));
  return { ...untrained, attributes, objects: lists.objects, seen_pairs };
}

/** The threshold that leaves {@link feasiblePairs} pairs: the feasibility of the pair at that rank. */
async function thresholdFor(
  model: CompositionModel,
  vocabulary: Vocabulary,
  photos: readonly LabelledPhoto[],
): Promise<number> {
  const { results } = await model.classify(
    photos.slice(0, 1).map(({ image }) => image),
    vocabulary,
    { world: 'open', feasibility_threshold: -1, top_k: vocabulary.attributes.length * vocabulary.objects.length },
  );
  const scores = (results[0]?.predictions ?? []).map(({ feasibility }) => feasibility ?? -1);
  return scores.sort((left, right) => right - left)[Math.min(feasiblePairs, scores.length) - 1] ?? -1;
}

/** Of this process and the inference process; undefined on systems other than Linux. */
function peakMemory({ devices }: InferenceRunner): ScaleFigures['memory'] {
  const parent = processMemory(process.pid)?.peak;
  const child = devices.reduce((sum, { pid = NaN }) => sum + (processMemory(pid)?.peak ?? 0), 0);
  return parent === undefined ? undefined : { parent, child };
}
