/**
 * Fits the calibration of `tessera-mini` on the training photos and writes it for the next build of the bundle:
 * `npm run calibrate:reasoner`. With `-- --plot` it measures the built bundle on the val photos instead and draws the
 * reliability plot of the model card.
 */
import { parseArgs } from 'node:util';
import type { LogisticCalibration } from '@tessera/contracts';
import {
  contextKinds,
  metricInterval,
  ReasonerEvaluation,
  runCommand,
  withReasoner,
  type CocoPhoto,
  type Query,
  type Runtime,
} from '@tessera/evaluation';
import { roundTo, SeededRandom } from '@tessera/runtime';
import type { ReasonedQuery } from '@tessera/segmentation';
import { writeBundleSettings } from './bundle-settings.js';
import { fitLogistic } from './logistic-regression.js';
import { plotReliability, presentShare } from './reliability-plot.js';

const kinds = ['context', 'singular'] as const;

type Kind = (typeof kinds)[number];

const regionThresholds = [-1, -0.5, 0, 0.5] as const;
const foreignQueriesPerPhoto = 8;

const { values: argumentsGiven } = parseArgs({ options: { plot: { type: 'boolean', default: false } } });

await runCommand(() => withReasoner(argumentsGiven.plot ? plotReliability : calibrate));

async function calibrate(runtime: Runtime): Promise<void> {
  const examples = await gatherExamples(await ReasonerEvaluation.create(runtime, 'train', 'shapes'));
  const fits = kinds.map((kind) => ({ kind, ...fitKind(examples.filter((example) => example.kind === kind)) }));
  console.table(
    fits.map(({ kind, calibration, queries, present, presentRight, absentRight }) => ({
      kind,
      queries,
      present,
      presentRight,
      absentRight,
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
    const samples = await evaluation.evaluate(evaluation.plan({ mode: 'off' }));
    tried.push({ threshold, gIoU: metricInterval('meanOfKinds', samples).value });
  }
  console.table(tried);
  const [best] = tried.toSorted((a, b) => b.gIoU - a.gIoU);
  await writeBundleSettings('reasoner/calibration.json', { region_threshold: best?.threshold ?? 0, ...calibrations });
}

interface Example {
  readonly kind: Kind;
  readonly features: readonly number[];
  readonly isPresent: boolean;
}

/** The benchmark's training queries about context, and some of other photos that ask for what a photo does not show. */
async function gatherExamples(evaluation: ReasonerEvaluation): Promise<Example[]> {
  const { cases } = evaluation;
  const elsewhere = contextQueriesElsewhere(cases);
  const examples: Example[] = [];
  for (const { photo, queries } of cases) {
    const asked = [
      ...elsewhere(photo).map(({ text }) => ({ text, isPresent: false })),
      ...queries
        .filter(({ set }) => set === 'context')
        .map(({ text, annotations }) => ({ text, isPresent: annotations.length > 0 })),
    ];
    const answers = await evaluation.reason(photo, asked, evaluation.plan());
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
          .map((annotation) => annotation.category_id),
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
  /** Shares of the queries whose presence is right at 0.5. */
  readonly presentRight: number;
  readonly absentRight: number;
} {
  const present = examples.filter(({ isPresent }) => isPresent).length;
  const fitted = fitLogistic(
    examples.map(({ features, isPresent }) => ({
      features,
      label: isPresent ? 1 : 0,
      weight: isPresent ? presentShare / present : (1 - presentShare) / (examples.length - present),
    })),
  );
  const calibration = { bias: roundTo(fitted.bias, 3), weights: fitted.weights.map((weight) => roundTo(weight, 3)) };
  const rightShare = (isPresent: boolean): number => {
    const own = examples.filter((example) => example.isPresent === isPresent);
    const right = own.filter(({ features }) => logitOf(calibration, features) >= 0 === isPresent);
    return roundTo(right.length / own.length, 3);
  };
  return {
    calibration,
    queries: examples.length,
    present,
    presentRight: rightShare(true),
    absentRight: rightShare(false),
  };
}

function logitOf({ bias, weights }: LogisticCalibration, features: readonly number[]): number {
  return weights.reduce((sum, weight, index) => sum + weight * (features[index] ?? 0), bias);
}
