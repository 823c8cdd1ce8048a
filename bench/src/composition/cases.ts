import { performance } from 'node:perf_hooks';
import { compositionKey, pairCandidates, type GeneralisedEvaluation, type Vocabulary } from '@tessera/composition';
import type { TrainingMethod } from '@tessera/contracts';
import type { CompositionModel } from '@tessera/dual-encoder';
import { median } from '@tessera/evaluation';
import { patternedPhotos, patterns } from './patterns.js';
import { atMost, type LabelledPhoto } from './photos.js';
import { CompositionalStudy, type TrainedRun } from './study.js';
import { SeededRandom } from '@tessera/runtime';

/** One line of a table: an evaluation for each seed. */
export interface MethodRow {
  readonly name: string;
  readonly evaluations: readonly GeneralisedEvaluation[];
}

export interface ApparelCase {
  readonly trainPhotos: number;
  readonly seenPhotos: number;
  readonly unseenPhotos: number;
  readonly closed: readonly MethodRow[];
  readonly open: readonly MethodRow[];
  /** csp whose epochs were chosen without a look at the photos that judge it. */
  readonly blind: MethodRow;
  /** The first training: seconds for all photos' embeddings, and in all. */
  readonly featureSeconds: number;
  readonly trainingSeconds: number;
  /** Median milliseconds of a request about a new photo with 19 candidates, besides decoding and the image encoder. */
  readonly overheadMs: number;
}

export interface CaseTable {
  readonly trainPhotos: number;
  readonly valPhotos: number;
  readonly seenCompositions: number;
  readonly closed: readonly MethodRow[];
  readonly open: readonly MethodRow[];
}

export interface MixedRow {
  /** Share of the attributes whose rows were learned, as asked and as it came out of the number of attributes. */
  readonly share: number;
  readonly learned: number;
  readonly attributes: number;
  readonly rows: readonly MethodRow[];
}

const methods: readonly TrainingMethod[] = ['csp', 'coop', 'clip'];
const mixedMethods: readonly TrainingMethod[] = ['clip', 'csp'];
/** Nothing is learned by `clip`, so every seed gives the same. */
const seedsOf = (method: TrainingMethod, seeds: readonly number[]): readonly number[] =>
  method === 'clip' ? seeds.slice(0, 1) : seeds;

const overheadPhotos = 20;
/** Photos of each pair with patterns, in training and validation together a few minutes of decoding. */
const patternedPerPair = 60;

/** Colours and garments: three methods, three seeds, both worlds. */
export async function runApparel(
  model: CompositionModel,
  photos: readonly LabelledPhoto[],
  seeds: readonly number[],
): Promise<ApparelCase> {
  const study = new CompositionalStudy(model);
  const judges = photos.filter(({ set }) => set === 'val');
  let first: TrainedRun | undefined;
  const closed: MethodRow[] = [];
  const open: MethodRow[] = [];
  for (const method of methods) {
    const runs = await oneByOne(seedsOf(method, seeds), async (seed) => {
      const run = await study.train(method, seed, photos);
      first ??= run;
      return {
        closed: await study.evaluateClosed(run.vocabulary, judges),
        open: (await study.evaluateOpen(run.vocabulary, judges)).evaluation,
      };
    });
    closed.push({ name: method, evaluations: runs.map((run) => run.closed) });
    open.push({ name: method, evaluations: runs.map((run) => run.open) });
  }
  const learners = photos.filter(({ set }) => set === 'train');
  const blind = await oneByOne(seeds, async (seed) => {
    const { vocabulary } = await study.train('csp', seed, learners);
    return await study.evaluateClosed(vocabulary, judges);
  });
  if (first === undefined) throw new RangeError('A benchmark needs at least one seed.');
  return {
    trainPhotos: learners.length,
    seenPhotos: closed[0]?.evaluations[0]?.seenImages ?? 0,
    unseenPhotos: closed[0]?.evaluations[0]?.unseenImages ?? 0,
    closed,
    open,
    blind: { name: 'csp', evaluations: blind },
    featureSeconds: first.featuresMs / 1000,
    trainingSeconds: first.totalMs / 1000,
    overheadMs: await measureOverhead(model, first.vocabulary, judges),
  };
}

/** Pattern, colour and garment. */
export async function runPatterns(
  model: CompositionModel,
  photos: readonly LabelledPhoto[],
  seeds: readonly number[],
): Promise<CaseTable> {
  const study = new CompositionalStudy(model);
  const patterned = patternedPhotos(atMost(photos, patternedPerPair));
  const judges = patterned.filter(({ set }) => set === 'val');
  const closed: MethodRow[] = [];
  const open: MethodRow[] = [];
  let seenCompositions = 0;
  for (const method of methods) {
    const runs = await oneByOne(seedsOf(method, seeds), async (seed) => {
      const { vocabulary } = await study.train(method, seed, patterned);
      const { seenPairs, attributes, objects } = vocabulary;
      seenCompositions = seenPairs.length;
      const colours = attributes.filter((name) => !(patterns as readonly string[]).includes(name));
      const triples = patterns.flatMap((pattern) =>
        colours.flatMap((colour) => objects.map((object) => [pattern, colour, object])),
      );
      return {
        closed: await study.evaluateClosed(vocabulary, judges),
        open: await study.evaluateAmong(vocabulary, pairCandidates(triples, seenPairs), judges),
      };
    });
    closed.push({ name: method, evaluations: runs.map((run) => run.closed) });
    open.push({ name: method, evaluations: runs.map((run) => run.open) });
  }
  return {
    trainPhotos: patterned.length - judges.length,
    valPhotos: judges.length,
    seenCompositions,
    closed,
    open,
  };
}

/** Only some attributes are learned; the others are used as the base model knows them. */
export async function runMixed(
  model: CompositionModel,
  photos: readonly LabelledPhoto[],
  seeds: readonly number[],
): Promise<MixedRow[]> {
  const study = new CompositionalStudy(model);
  const attributes = [...new Set(photos.flatMap(({ composition }) => composition.slice(0, -1)))].sort();
  const judges = photos.filter(({ set }) => set === 'val');
  const rows: MixedRow[] = [];
  for (const share of [0.25, 0.5, 0.75]) {
    const learned = Math.round(share * attributes.length);
    const runs = await oneByOne(seeds, async (seed) => {
      const chosen = new Set(new SeededRandom(seed).sample(attributes, learned));
      const known = photos.filter(({ composition }) => composition.slice(0, -1).every((name) => chosen.has(name)));
      return await oneByOne(mixedMethods, async (method) => {
        const { vocabulary } = await study.train(method, seed, known);
        return await study.evaluateClosed(vocabulary, judges);
      });
    });
    const named = mixedMethods.map((name, index) => ({
      name,
      evaluations: runs.flatMap((evaluations) => evaluations[index] ?? []),
    }));
    rows.push({ share, learned, attributes: attributes.length, rows: named });
  }
  return rows;
}

/** Photos that were not asked about before, one at a time, after one that fills the cache of text matrices. */
async function measureOverhead(
  model: CompositionModel,
  vocabulary: Vocabulary,
  photos: readonly LabelledPhoto[],
): Promise<number> {
  const pairs = [...new Map(photos.map(({ composition }) => [compositionKey(composition), [...composition]])).values()];
  const overheads: number[] = [];
  for (const { image } of photos.slice(0, overheadPhotos + 1)) {
    const startedAt = performance.now();
    const { timingsMs } = await model.classify([{ id: `again/${image.id}`, read: () => image.read() }], vocabulary, {
      pairs,
    });
    overheads.push(performance.now() - startedAt - timingsMs.decode - timingsMs.vision);
  }
  return median(overheads.slice(1));
}

/** One after the other: trainings at the same time would only take the cores from each other. */
async function oneByOne<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
