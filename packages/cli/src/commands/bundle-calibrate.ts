import { TesseraClient } from '@tessera/client';
import { fitLogistic, probability, roundedCalibration, type WeightedSample } from '@tessera/runtime';
import { collectEvidence } from '../calibrate/collect-evidence.js';
import { linkEvidenceBundle, readLisaManifest, writeCalibration } from '../calibrate/evidence-bundle.js';
import { startService } from '../calibrate/start-service.js';
import { CommandFailure } from '../command-errors.js';
import type { Command } from '../command.js';
import { dataSetOptions } from '../evaluate/data-set-options.js';
import { segmentationSets } from '../evaluate/segmentation-sets.js';
import { numberOption, textOption } from '../option-values.js';

/** Of each kind: fewer say nothing of the others. */
const leastSamples = 5;

export const bundleCalibrate: Command = {
  usage: 'bundle calibrate <bundle> --dataset <name> --root <directory>',
  summary: 'Fit the score of a LISA bundle on a data set, so that it is the probability that the object is there',
  details: [
    'Starts the service with the bundle, asks about every image its own queries and one of another image, which counts as',
    'absent, fits a logistic function of the IoU that the mask decoder expects and of the log-odds of [SEG], and writes it',
    'into the bundle’s bundle.json. The data sets are those of `tessera evaluate segment`; a query without a mask is absent.',
  ].join('\n'),
  examples: [
    [
      'tessera bundle calibrate models/lisa-7b --dataset refcoco --root refer/data/refcoco --limit 300',
      'on 300 images',
    ],
  ],
  positionals: { min: 1, max: 1 },
  options: {
    dataset: { type: 'string' },
    root: { type: 'string' },
    split: { type: 'string' },
    images: { type: 'string' },
    refs: { type: 'string' },
    limit: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
  optionHelp: {
    dataset: `${Object.keys(segmentationSets).join(', ')} (required)`,
    root: 'directory of the data set (required)',
    split: 'part of it; not the one that the model is measured on',
    images: 'directory of the images, where they lie elsewhere',
    refs: 'of refcoco with several refs(….p): which (unc or umd where it has them)',
    limit: 'take this many images, the first ones',
    json: 'print JSON',
  },
  async run({ positionals, options, environment, signal, print, say, progress }) {
    const bundle = positionals[0] ?? '';
    const { set, root } = dataSetOptions(options, segmentationSets);
    const limit = numberOption(options, 'limit', { min: 2, isInteger: true });
    const manifest = await readLisaManifest(bundle);
    const split = textOption(options, 'split') ?? set.defaultSplit;
    const location = { root, split, images: textOption(options, 'images'), refs: textOption(options, 'refs') };
    const images = (await set.open(location)).slice(0, limit);

    const { modelsDirectory, close } = await linkEvidenceBundle(bundle, manifest);
    let samples: WeightedSample[];
    try {
      say('starting the service with the model');
      const service = await startService(modelsDirectory, environment, signal);
      try {
        const client = new TesseraClient({ url: service.url, timeoutMs: 600_000 });
        const onImage = (done: number) => {
          progress(`${done} of ${images.length} images`, done / images.length);
        };
        samples = await collectEvidence({ client, model: manifest.name, images, signal, onImage });
      } finally {
        await service.stop();
      }
    } finally {
      await close();
    }

    const present = samples.filter(({ label }) => label === 1);
    const absent = samples.filter(({ label }) => label === 0);
    if (Math.min(present.length, absent.length) < leastSamples) {
      const counts = `${present.length} queries about what is there and ${absent.length} about what is not`;
      throw new CommandFailure(`There are ${counts}; at least ${leastSamples} of each are needed.`);
    }
    const calibration = roundedCalibration(fitLogistic(samples));
    if (![calibration.bias, ...calibration.weights].every(Number.isFinite)) {
      throw new CommandFailure('The fit has no finite result; take more images.');
    }
    const isRight = ({ features, label }: WeightedSample) =>
      probability(calibration, features) >= 0.5 === (label === 1);
    const share = (all: readonly WeightedSample[]) => all.filter(isRight).length / all.length;
    await writeCalibration(bundle, manifest, calibration);
    const result = {
      bundle: manifest.name,
      present: present.length,
      absent: absent.length,
      presence_calibration: calibration,
      right: { present: share(present), absent: share(absent) },
    };
    const percent = (part: number) => `${(100 * part).toFixed(0)} %`;
    print(
      options.json === true
        ? JSON.stringify(result, null, 2)
        : `${manifest.name}: fitted on ${present.length} queries about what is there (${percent(result.right.present)} of them at 0.5 ` +
            `or above) and ${absent.length} about what is not (${percent(result.right.absent)} below).`,
    );
    say('A running service has to be started again to take it.');
  },
};
