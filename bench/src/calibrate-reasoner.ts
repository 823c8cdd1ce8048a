/**
 * Fits the calibration of `tessera-mini` on the training photos and writes it for the next build of the bundle:
 * `npm run calibrate:reasoner`. With `-- --plot` it measures the built bundle on the val photos instead and draws the
 * reliability plot of the model card.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { LogisticCalibration } from '@tessera/contracts';
import type { ReasonedQuery } from '@tessera/segmentation';
import { metricInterval } from './bootstrap.js';
import { writeSection } from './document-section.js';
import { markdownRows } from './markdown-table.js';
import { fitLogistic } from './logistic-regression.js';
import type { Runtime } from './model-runtime.js';
import type { CocoPhoto } from './coco-split.js';
import { contextKinds, type Query, type QueryKind } from './query-set.js';
import { SeededRandom } from './seeded-random.js';
import { ReasonerEvaluation, withReasoner } from './reasoner-evaluation.js';
import { writeCalibration } from './reasoner-settings.js';
import { expectedCalibrationError, reliability, withTrueShare, type Told } from './reliability.js';
import { runCommand } from './run-command.js';
import { repositoryRoot } from './shared-data.js';
import { linePlot, ticks } from './svg-plot.js';

const kinds = ['context', 'singular'] as const;

/**
 * Whoever says where a thing is has mostly seen it: so many of such queries are taken to have a target. And the detector,
 * which knows the training photos from its own training, is less certain of things elsewhere.
 */
const presentShare = 0.9;
/** Of queries for a class, as the calibration of `tessera-baseline` has it. */
const classPresentShare = 0.5;
type Kind = (typeof kinds)[number];

const regionThresholds = [-1, -0.5, 0, 0.5] as const;
const foreignQueriesPerPhoto = 8;
const plotFile = join(repositoryRoot, 'docs', 'reference', 'tessera-mini-reliability.svg');

const { values: argumentsGiven } = parseArgs({ options: { plot: { type: 'boolean', default: false } } });

await runCommand(() => withReasoner(argumentsGiven.plot ? plotReliability : calibrate));

async function calibrate(runtime: Runtime): Promise<void> {
  const examples = await gatherExamples(await ReasonerEvaluation.create(runtime, 'train', 'shapes'));
  const fits = kinds.map((kind) => ({ kind, ...fitKind(examples.filter((example) => example.kind === kind)) }));
  console.table(
    fits.map(({ kind, calibration, queries, present, presentTold, absentTold }) => ({
      kind,
      queries,
      present,
      presentTold,
      absentTold,
      bias: calibration.bias,
      weights: calibration.weights.join(' '),
    })),
  );
  const calibrationOf = (kind: Kind): LogisticCalibration =>
    fits.find((fit) => fit.kind === kind)?.calibration ?? { bias: 0, weights: [1, 0] };
  const calibrations = {
    context_calibration: calibrationOf('context'),
    singular_calibration: calibrationOf('singular'),
  };

  const tried: { threshold: number; gIoU: number }[] = [];
  for (const threshold of regionThresholds) {
    const changes = { ...calibrations, region_threshold: threshold };
    const evaluation = await ReasonerEvaluation.create(runtime, 'train', 'shapes', changes);
    const samples = await evaluation.evaluate(evaluation.segmenter.plan({ mode: 'off' }));
    tried.push({ threshold, gIoU: metricInterval('meanOfKinds', samples).value });
  }
  console.table(tried);
  const [best] = tried.toSorted((a, b) => b.gIoU - a.gIoU);
  await writeCalibration({ region_threshold: best?.threshold ?? 0, ...calibrations });
}

interface Example {
  readonly kind: Kind;
  readonly features: readonly number[];
  readonly isPresent: boolean;
}

/** The benchmark's training queries about context, and some of other photos that ask for what a photo does not show. */
async function gatherExamples(evaluation: ReasonerEvaluation): Promise<Example[]> {
  const { segmenter, cases } = evaluation;
  const elsewhere = contextQueriesElsewhere(cases);
  const examples: Example[] = [];
  for (const { photo, queries } of cases) {
    const asked = [
      ...elsewhere(photo).map(({ text }) => ({ text, isPresent: false })),
      ...queries
        .filter(({ set }) => set === 'context')
        .map(({ text, annotations }) => ({ text, isPresent: annotations.length > 0 })),
    ];
    const answers = await evaluation.reason(photo, asked, segmenter.plan(undefined));
    for (const [index, { isPresent }] of asked.entries()) {
      const evidence = evidenceOf(answers[index]);
      if (evidence !== undefined) examples.push({ ...evidence, isPresent });
    }
  }
  return examples;
}

/** Draws context queries about other photos that ask for classes which a photo does not show. */
function contextQueriesElsewhere(cases: ReasonerEvaluation['cases']): (photo: CocoPhoto) => Query[] {
  const all = cases.flatMap(({ photo, queries }) =>
    queries
      .filter(({ kind, set }) => set === 'context' && contextKinds.includes(kind))
      .map((query) => ({
        query,
        categories: photo.annotations
          .filter(({ id }) => query.annotations.includes(id))
          .map((thing) => thing.category_id),
      })),
  );
  return (photo) => {
    const shown = new Set(photo.annotations.map(({ category_id }) => category_id));
    const foreign = all.filter(({ categories }) => !categories.some((category) => shown.has(category)));
    return new SeededRandom(photo.id).sample(foreign, foreignQueriesPerPhoto).map(({ query }) => query);
  };
}

function evidenceOf(query: ReasonedQuery | undefined): Pick<Example, 'kind' | 'features'> | undefined {
  if (query?.regions === undefined) return undefined;
  const { kind, features } = query.choice;
  return features === undefined || kind === 'class' ? undefined : { kind, features };
}

/** Queries with a target weigh {@link presentShare} in sum, those without the rest. */
function fitKind(examples: readonly Example[]): {
  readonly calibration: LogisticCalibration;
  readonly queries: number;
  readonly present: number;
  /** Shares of the queries whose presence is told rightly at 0.5. */
  readonly presentTold: number;
  readonly absentTold: number;
} {
  const present = examples.filter(({ isPresent }) => isPresent).length;
  const fitted = fitLogistic(
    examples.map(({ features, isPresent }) => ({
      features,
      label: isPresent ? 1 : 0,
      weight: isPresent ? presentShare / present : (1 - presentShare) / (examples.length - present),
    })),
  );
  const calibration = { bias: rounded(fitted.bias), weights: fitted.weights.map(rounded) };
  const rightShare = (isPresent: boolean): number => {
    const own = examples.filter((example) => example.isPresent === isPresent);
    const right = own.filter(({ features }) => logitOf(calibration, features) >= 0 === isPresent);
    return rounded(right.length / own.length);
  };
  return {
    calibration,
    queries: examples.length,
    present,
    presentTold: rightShare(true),
    absentTold: rightShare(false),
  };
}

function logitOf({ bias, weights }: LogisticCalibration, features: readonly number[]): number {
  return weights.reduce((sum, weight, index) => sum + weight * (features[index] ?? 0), bias);
}

function rounded(value: number): number {
  return Number(value.toFixed(3));
}

async function plotReliability(runtime: Runtime): Promise<void> {
  const evaluation = await ReasonerEvaluation.create(runtime, 'val', 'shapes');
  const all: (Omit<Told, 'weight'> & { kind: QueryKind })[] = [];
  for (const { photo, queries } of evaluation.cases) {
    const answers = await evaluation.reason(photo, queries, evaluation.segmenter.plan(undefined));
    for (const [index, { kind, annotations }] of queries.entries()) {
      const probability = answers[index]?.choice.score ?? 0;
      all.push({ kind, probability, isTrue: annotations.length > 0 });
    }
  }
  const isContext = (kind: QueryKind): boolean => contextKinds.includes(kind) || kind === 'context_absent';
  const context = withTrueShare(
    all.filter(({ kind }) => isContext(kind)),
    presentShare,
  );
  const others = withTrueShare(
    all.filter(({ kind }) => !isContext(kind)),
    classPresentShare,
  );
  const groups = [
    { name: 'all', told: [...others, ...context] },
    { name: 'classes', told: others },
    { name: 'context', told: context },
  ];
  const table = markdownRows(
    ['queries', 'number', 'ECE'],
    groups.map(({ name, told }) => [name, String(told.length), expectedCalibrationError(told).toFixed(3)]),
  );
  console.log(table);
  await writeSection('docs/reference/tessera-mini.md', 'calibration', table);
  const percent = (value: number): string => value.toFixed(1);
  const axis = (label: string): Parameters<typeof linePlot>[1] => ({
    label,
    from: 0,
    to: 1,
    ticks: ticks(0, 1, 0.2),
    format: percent,
  });
  const svg = linePlot(
    'Does a score of p have a target in p of the cases?',
    axis('score'),
    axis('queries that have a target'),
    groups.map(({ name, told }) => ({
      name: `${name}, ECE ${expectedCalibrationError(told).toFixed(3)}`,
      points: reliability(told).map((bin) => ({ x: bin.told, y: bin.observed, low: bin.observed, high: bin.observed })),
      hasBand: false,
    })),
    true,
  );
  await writeFile(plotFile, svg);
}
