/**
 * Fits the probability of `tessera-dual` that no candidate fits, on the training photos, and writes it for the next build of
 * the bundle: `npm run calibrate:composition`. With `-- --plot` it measures the built bundle on the val photos instead,
 * which neither its encoder nor its calibration has seen, for the model card.
 */
import { parseArgs } from 'node:util';
import type { DualEncoderSettings, LogisticCalibration } from '@tessera/contracts';
import { createCompositionModel } from '@tessera/dual-encoder';
import { runCommand, withRuntime, type Runtime, type Split } from '@tessera/evaluation';
import { defaultImageLimits } from '@tessera/images';
import { isBundleOf } from '@tessera/inference';
import { writeBundleSettings } from './bundle-settings.js';
import { caseWeights, compositionCases } from './composition-cases.js';
import { NoneEvidenceGatherer, trainOnGarments, type NoneEvidence } from './composition-evidence.js';
import { readPictures } from './composition-photos.js';
import { plotNone, type MeasuredCases } from './composition-plot.js';
import { fitLogistic, rounded } from './logistic-regression.js';

const basicColours = ['red', 'blue', 'green', 'yellow', 'black', 'white', 'brown', 'grey', 'pink', 'orange', 'purple'];
const methods = ['csp', 'coop'] as const;
/** The photos are our own, and a busy machine may be slow. */
const imageLimits = { ...defaultImageLimits, headerTimeoutMs: 60_000, decodeTimeoutSeconds: 120 };

const { values: flags } = parseArgs({ options: { plot: { type: 'boolean', default: false } } });

await runCommand(() => withRuntime('tessera-dual', flags.plot ? plot : calibrate));

async function calibrate(runtime: Runtime): Promise<void> {
  const { words, learned } = await gatherEvidence(runtime, 'train');
  await writeBundleSettings('dual-encoder/calibration.json', { words: fit(words), learned: fit(learned.flat()) });
}

async function plot(runtime: Runtime): Promise<void> {
  const { settings, words, learned } = await gatherEvidence(runtime, 'val');
  const { none_calibration: calibration } = settings;
  if (calibration === undefined) throw new Error('tessera-dual has no none_calibration: build it again.');
  const measured: MeasuredCases[] = [{ name: 'words alone', cases: words, calibration: calibration.words }];
  for (const [index, method] of methods.entries()) {
    const cases = learned[index] ?? [];
    measured.push({ name: `trained by ${method}`, cases, calibration: calibration.learned });
  }
  await plotNone(measured);
}

interface Evidence {
  readonly settings: DualEncoderSettings;
  /** Candidates of untrained words. */
  readonly words: readonly NoneEvidence[];
  /** Candidates of vocabularies that were trained on other product photos, one list a method. */
  readonly learned: readonly (readonly NoneEvidence[])[];
}

async function gatherEvidence({ bundle, runner }: Runtime, split: Split): Promise<Evidence> {
  if (!isBundleOf(bundle, 'dual-encoder')) throw new Error('tessera-dual is of another pipeline: build it again.');
  const { settings } = bundle.manifest;
  const model = await createCompositionModel(bundle, runner, { imageLimits });
  const things = settings.none_calibration?.background ?? [];
  const gatherer = await NoneEvidenceGatherer.create(model, things, settings.logit_scale);
  const training = await readPictures('train');
  const learners = training.garments.filter((_, index) => index % 2 === 0);
  const pictures =
    split === 'train'
      ? { ...training, garments: training.garments.filter((_, index) => index % 2 === 1) }
      : await readPictures(split);
  const garments = [...new Set(learners.map(({ object }) => object))].sort();
  const colours = [...new Set(learners.flatMap(({ colour = [] }) => colour))].sort();

  const vocabulary = { attributes: basicColours, objects: [...garments, ...things] };
  const cases = compositionCases(pictures, { colours: basicColours, garments, things });
  const words = await gatherer.gather({ name: 'words', vocabulary }, cases);
  const garmentCases = compositionCases(pictures, { colours, garments, things: [] });
  const learned: NoneEvidence[][] = [];
  for (const method of methods) {
    learned.push(await gatherer.gather(await trainOnGarments(model, method, learners), garmentCases));
  }
  return { settings, words, learned };
}

function fit(cases: readonly NoneEvidence[]): LogisticCalibration {
  const weights = caseWeights(cases);
  const samples = cases.map(({ kind, features }, index) => {
    return { features, label: kind === 'fits' ? (0 as const) : (1 as const), weight: weights[index] ?? 0 };
  });
  return rounded(fitLogistic(samples));
}
