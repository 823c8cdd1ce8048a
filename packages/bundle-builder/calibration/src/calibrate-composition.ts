/**
 * Fits the probability of `tessera-dual` that no candidate fits, on the training photos, and writes it for the next build of
 * the bundle: `npm run calibrate:composition`. Then measures it on the val photos, which neither encoder nor calibration has
 * seen, for the model card.
 */
import type { LogisticCalibration } from '@tessera/contracts';
import { createCompositionModel } from '@tessera/dual-encoder';
import { runCommand, withRuntime, type Runtime } from '@tessera/evaluation';
import { defaultImageLimits } from '@tessera/images';
import { isBundleOf } from '@tessera/inference';
import { writeBundleSettings } from './bundle-settings.js';
import { caseWeights, compositionCases, type CaseWords } from './composition-cases.js';
import { NoneEvidenceGatherer, trainOnGarments, type NoneEvidence } from './composition-evidence.js';
import { readPictures, type CalibrationPictures } from './composition-photos.js';
import { plotNone } from './composition-plot.js';
import { fitLogistic, roundedCalibration } from '@tessera/runtime';

const basicColours = ['red', 'blue', 'green', 'yellow', 'black', 'white', 'brown', 'grey', 'pink', 'orange', 'purple'];
/** The photos are our own, and a busy machine may be slow. */
const imageLimits = { ...defaultImageLimits, headerTimeoutMs: 60_000, decodeTimeoutSeconds: 120 };

await runCommand(() => withRuntime('tessera-dual', calibrate));

async function calibrate({ bundle, runner }: Runtime): Promise<void> {
  if (!isBundleOf(bundle, 'dual-encoder')) throw new Error('tessera-dual is of another pipeline: build it again.');
  const { none_calibration: none, logit_scale: logitScale } = bundle.manifest.settings;
  if (none === undefined) throw new Error('tessera-dual has no none_calibration: build it again.');
  const model = await createCompositionModel(bundle, runner, { imageLimits });
  const gatherer = await NoneEvidenceGatherer.create(model, none.background, logitScale);

  const training = await readPictures('train');
  const [learners, others] = [0, 1].map((part) => training.garments.filter((_, index) => index % 2 === part));
  const trained = await trainOnGarments(model, learners ?? []);
  const garments = trained.objects;
  const words = { attributes: basicColours, objects: [...garments, ...none.background] };
  const wordsOfWords: CaseWords = { colours: basicColours, garments, things: none.background };
  const wordsOfTrained: CaseWords = { colours: trained.attributes, garments, things: [] };
  const gather = async (pictures: CalibrationPictures) => ({
    words: await gatherer.gather(words, compositionCases(pictures, wordsOfWords)),
    learned: await gatherer.gather(trained, compositionCases(pictures, wordsOfTrained)),
  });

  const known = await gather({ ...training, garments: others ?? [] });
  const calibrations = { words: fit(known.words), learned: fit(known.learned) };
  await writeBundleSettings('dual-encoder/calibration.json', calibrations);
  const unseen = await gather(await readPictures('val'));
  await plotNone([
    { name: 'words alone', cases: unseen.words, calibration: calibrations.words },
    { name: 'trained', cases: unseen.learned, calibration: calibrations.learned },
  ]);
}

function fit(cases: readonly NoneEvidence[]): LogisticCalibration {
  const weights = caseWeights(cases);
  const samples = cases.map(({ kind, features }, index) => {
    return { features, label: kind === 'fits' ? (0 as const) : (1 as const), weight: weights[index] ?? 0 };
  });
  return roundedCalibration(fitLogistic(samples));
}
