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
import type { ReasonedQuery } from '@tessera/segmentation';
import { writeBundleSettings } from './bundle-settings.js';
import { fitLogistic, roundedCalibration, SeededRandom } from '@tessera/runtime';
import { plotReliability, presentShare } from './reliability-plot.js';

type Kind = 'context' | 'singular';

const regionThresholds = [-1, -0.5, 0, 0.5] as const;
const foreignQueriesPerPhoto = 8;

const { values: flags } = parseArgs({ options: { plot: { type: 'boolean', default: false } } });

await runCommand(() => withReasoner(flags.plot ? plotReliability : calibrate));

async function calibrate(runtime: Runtime): Promise<void> {
  const examples = await gatherExamples(await ReasonerEvaluation.create(runtime, 'train', 'shapes'));
  const calibrations = {
    context_calibration: fitKind(examples, 'context'),
    singular_calibration: fitKind(examples, 'singular'),
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
  return features === undefined || kind === undefined || kind === 'class' ? undefined : { kind, features };
}

/** Queries with a target weigh {@link presentShare} in sum, those without the rest. */
function fitKind(all: readonly Example[], kind: Kind): LogisticCalibration {
  const examples = all.filter((example) => example.kind === kind);
  const present = examples.filter(({ isPresent }) => isPresent).length;
  const fitted = fitLogistic(
    examples.map(({ features, isPresent }) => ({
      features,
      label: isPresent ? 1 : 0,
      weight: isPresent ? presentShare / present : (1 - presentShare) / (examples.length - present),
    })),
  );
  return roundedCalibration(fitted);
}
