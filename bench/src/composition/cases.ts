import { compositionKey, pairCandidates, type GeneralisedEvaluation, type Vocabulary } from '@tessera/composition';
import type { TrainingMethod } from '@tessera/contracts';
import type { CompositionModel } from '@tessera/dual-encoder';
import { atMost, median, type LabelledPhoto } from '@tessera/evaluation';
import { SeededRandom } from '@tessera/runtime';
import { patternedPhotos, patterns } from './patterns.js';
import { CompositionalStudy, type TrainedRun } from './study.js';

/** One line of a table: an evaluation for each seed. */
export interface MethodRow {
  readonly name: string;
  readonly evaluations: readonly GeneralisedEvaluation[];
}

/** Every method's line in the closed and in the open world. */
interface Worlds {
  readonly closed: readonly MethodRow[];
  readonly open: readonly MethodRow[];
}

const methods: readonly TrainingMethod[] = ['csp', 'coop', 'clip'];
const mixedMethods: readonly TrainingMethod[] = ['clip', 'csp'];
const overheadPhotos = 20;
/** Photos of each pair with patterns, in training and validation together a few minutes of decoding. */
const patternedPerPair = 60;

/** Colours and garments: three methods, three seeds, both worlds. */
export async function runApparel(model: CompositionModel, photos: readonly LabelledPhoto[], seeds: readonly number[]) {
  const study = new CompositionalStudy(model);
  const judges = photos.filter(({ set }) => set === 'val');
  const learners = photos.filter(({ set }) => set === 'train');
  let training: TrainedRun | undefined;
  const worlds = await compare(seeds, async (method, seed) => {
    const run = await study.train(method, seed, photos);
    training ??= run;
    const open = await study.evaluateFeasible(run.vocabulary, judges);
    return { closed: await study.evaluate(run.vocabulary, judges), open };
  });
  // The epochs of these are chosen without a look at the photos that judge them.
  const blind = await oneByOne(seeds, async (seed) =>
    study.evaluate((await study.train('csp', seed, learners)).vocabulary, judges),
  );
  if (training === undefined) throw new RangeError('A benchmark needs at least one seed.');
  const overheadMs = await measureOverhead(model, training.vocabulary, judges);
  return { trainPhotos: learners.length, ...worlds, blind, training, overheadMs };
}

/** Pattern, colour and garment. */
export async function runPatterns(model: CompositionModel, photos: readonly LabelledPhoto[], seeds: readonly number[]) {
  const study = new CompositionalStudy(model);
  const patterned = patternedPhotos(atMost(photos, patternedPerPair));
  const judges = patterned.filter(({ set }) => set === 'val');
  let seenCompositions = 0;
  const worlds = await compare(seeds, async (method, seed) => {
    const { vocabulary } = await study.train(method, seed, patterned);
    const { seen_pairs: seenPairs, attributes, objects } = vocabulary;
    seenCompositions = seenPairs.length;
    const colours = attributes.filter((name) => !(patterns as readonly string[]).includes(name));
    const triples = patterns.flatMap((pattern) =>
      colours.flatMap((colour) => objects.map((object) => [pattern, colour, object])),
    );
    const open = await study.evaluate(vocabulary, judges, pairCandidates(triples, seenPairs));
    return { closed: await study.evaluate(vocabulary, judges), open };
  });
  return { trainPhotos: patterned.length - judges.length, valPhotos: judges.length, seenCompositions, ...worlds };
}

/** Only some attributes are learned; the others are used as the base model knows them. */
export async function runMixed(model: CompositionModel, photos: readonly LabelledPhoto[], seeds: readonly number[]) {
  const study = new CompositionalStudy(model);
  const attributes = [...new Set(photos.flatMap(({ composition }) => composition.slice(0, -1)))].sort();
  const judges = photos.filter(({ set }) => set === 'val');
  return oneByOne([0.25, 0.5, 0.75], async (share) => {
    const learned = Math.round(share * attributes.length);
    const rows = await oneByOne(mixedMethods, async (name) => {
      const evaluations = await oneByOne(seeds, async (seed) => {
        const chosen = new Set(new SeededRandom(seed).sample(attributes, learned));
        const known = photos.filter(({ composition }) => composition.slice(0, -1).every((word) => chosen.has(word)));
        return study.evaluate((await study.train(name, seed, known)).vocabulary, judges);
      });
      return { name, evaluations };
    });
    return { share, learned, attributes: attributes.length, rows };
  });
}

/**
 * Median milliseconds of a request besides decoding and the image encoder: about photos that were not asked about before, one
 * at a time, after one that fills the cache of text matrices.
 */
async function measureOverhead(
  model: CompositionModel,
  vocabulary: Vocabulary,
  photos: readonly LabelledPhoto[],
): Promise<number> {
  const pairs = [...new Map(photos.map(({ composition }) => [compositionKey(composition), [...composition]])).values()];
  const overheads = await oneByOne(photos.slice(0, overheadPhotos + 1), async ({ image }) => {
    const startedAt = performance.now();
    const again = { id: `again/${image.id}`, read: () => image.read() };
    const { timingsMs } = await model.classify([again], vocabulary, { pairs });
    return performance.now() - startedAt - timingsMs.decode - timingsMs.vision;
  });
  return median(overheads.slice(1));
}

/** Evaluates all methods with all seeds; nothing is learned by `clip`, so every seed gives the same. */
async function compare(
  seeds: readonly number[],
  run: (method: TrainingMethod, seed: number) => Promise<Readonly<Record<keyof Worlds, GeneralisedEvaluation>>>,
): Promise<Worlds> {
  const rows = await oneByOne(methods, async (name) => {
    const runs = await oneByOne(name === 'clip' ? seeds.slice(0, 1) : seeds, (seed) => run(name, seed));
    return { name, closed: runs.map(({ closed }) => closed), open: runs.map(({ open }) => open) };
  });
  return {
    closed: rows.map(({ name, closed }) => ({ name, evaluations: closed })),
    open: rows.map(({ name, open }) => ({ name, evaluations: open })),
  };
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
