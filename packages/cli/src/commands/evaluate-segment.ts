import { percent } from '@tessera/runtime';
import { CommandFailure } from '../command-errors.js';
import type { Command } from '../command.js';
import { dataSetOptions } from '../evaluate/data-set-options.js';
import { measureSegmentation, type SegmentationMeasures } from '../evaluate/measure-segmentation.js';
import { segmentationSets as sets } from '../evaluate/segmentation-sets.js';
import { explain } from '../explain.js';
import { numberOption, textOption } from '../option-values.js';
import { printableLine } from '../printable.js';
import { segmentationOptions } from '../segmentation-options.js';
import { table } from '../tables.js';

export const evaluateSegment: Command = {
  usage: 'evaluate segment --dataset <name> --root <directory>',
  summary: 'Measure a segmentation model on a data set: gIoU and cIoU',
  details: [
    'gIoU is the mean IoU of the queries, cIoU all intersections over all unions, as LISA computes them. The data sets:',
    ...Object.entries(sets).map(([name, { layout }]) => `  ${name.padEnd(10)} ${layout}`),
  ].join('\n'),
  examples: [
    ['tessera evaluate segment --dataset reasonseg --root ReasonSeg', 'on its test images'],
    [
      'tessera evaluate segment --dataset refcoco --root refer/data/refcoco --split testA --limit 100',
      'on the first hundred images of testA',
    ],
    ['tessera evaluate segment --dataset folder --root photos --pruning off --json', 'on photos of your own'],
  ],
  positionals: { min: 0, max: 0 },
  options: {
    dataset: { type: 'string' },
    root: { type: 'string' },
    split: { type: 'string' },
    images: { type: 'string' },
    refs: { type: 'string' },
    limit: { type: 'string' },
    model: { type: 'string' },
    pruning: { type: 'string' },
    reduction: { type: 'string' },
    threshold: { type: 'string' },
    parallel: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
  },
  optionHelp: {
    dataset: 'reasonseg, refcoco (also RefCOCO+ and RefCOCOg), coco, or folder (required)',
    root: 'directory of the data set (required)',
    split: `part of it (${Object.entries(sets)
      .flatMap(([name, { defaultSplit }]) => (defaultSplit === undefined ? [] : [`${defaultSplit} of ${name}`]))
      .join(', ')})`,
    images: 'directory of the images, where they lie elsewhere',
    refs: 'of refcoco with several refs(….p): which (unc or umd where it has them)',
    limit: 'measure on this many images, the first ones',
    model: 'a segmentation model from `tessera models`; otherwise the default',
    pruning: 'how image tokens are left out: off, csp, or an experimental method',
    reduction: 'share of the work on image tokens to save, from 0 to 0.9',
    threshold: 'least probability at which something counts as present (0.5)',
    parallel: 'requests at a time (2)',
    json: 'print JSON',
  },
  async run({ client, options, signal, print, say, progress }) {
    const { dataset, set, root } = dataSetOptions(options, sets);
    const limit = numberOption(options, 'limit', { min: 1, isInteger: true });
    const parallel = numberOption(options, 'parallel', { min: 1, max: 64, isInteger: true }) ?? 1;
    const requested = segmentationOptions(options);
    const split = textOption(options, 'split') ?? set.defaultSplit;
    const location = { root, split, images: textOption(options, 'images'), refs: textOption(options, 'refs') };
    const images = (await set.open(location)).slice(0, limit);
    // A service that is away, or refuses the key, would fail for every image.
    await client.models({ signal });
    const measures = await measureSegmentation({
      client,
      images,
      options: requested,
      parallel,
      signal,
      onImage: (done) => {
        progress(`${done} of ${images.length} images`, done / images.length);
      },
      onFailure: (image, error) => {
        say(`${printableLine(image)}: ${explain(error)}`);
      },
    });
    const result = { dataset, ...(split === undefined ? {} : { split }), ...measures };
    print(options.json === true ? JSON.stringify(result, null, 2) : figureTable(measures));
    if (measures.failed > 0) {
      throw new CommandFailure(`${measures.failed} of ${images.length} images failed; the figures are of the others.`);
    }
  },
};

function figureTable({ model, figures }: SegmentationMeasures): string {
  const rows = figures.map(({ group, queries, giou, ciou }) => [
    group ?? `all, by ${model}`,
    `${queries}`,
    percent(giou),
    percent(ciou),
  ]);
  return table([['Queries', 'Number', 'gIoU', 'cIoU'], ...rows]);
}
