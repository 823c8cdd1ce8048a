import { writeFile } from 'node:fs/promises';
import { closedWorld, drawSeenUnseenCurves, openWorld } from '@tessera/composition';
import { UsageError } from '../command-errors.js';
import type { Command } from '../command.js';
import { compositionSets, openCompositionSplit } from '../evaluate/composition-split.js';
import { dataSetOptions } from '../evaluate/data-set-options.js';
import { chooseThreshold, evaluateCollected } from '../evaluate-collected.js';
import { collectLogits, type LogitsRequest } from '../evaluation-logits.js';
import { numberOption, textOption } from '../option-values.js';
import { metricsTable } from '../tables.js';

type OpenWorld = Pick<LogitsRequest['question'], 'world' | 'feasibility_threshold'>;

const datasets: Readonly<Record<string, string>> = {
  'mit-states': 'MIT-States',
  'ut-zappos': 'UT-Zappos',
  'c-gqa': 'C-GQA',
};

export const evaluateComposition: Command = {
  usage: 'evaluate composition --dataset <name> --root <directory>',
  summary: 'Measure a classifier of attributes and objects on a data set: S, U, HM, AUC',
  details: [
    'In the closed world the pairs of the training set and of the split are the candidates, in the open world every',
    'attribute with every object; of a trained vocabulary those that are feasible, by a threshold chosen on the images of val.',
    'The data sets have images/, compositional-split-natural/{train,val,test}_pairs.txt and',
    'metadata_compositional-split-natural.json.',
  ].join('\n'),
  examples: [
    ['tessera evaluate composition --dataset ut-zappos --root ut-zap50k --model clip-vit-l-14', 'CLIP, untrained'],
    [
      'tessera evaluate composition --dataset mit-states --root mit-states --vocabulary mit-states --svg curve.svg',
      'with soft prompts, and the seen–unseen curve',
    ],
  ],
  positionals: { min: 0, max: 0 },
  options: {
    dataset: { type: 'string' },
    root: { type: 'string' },
    split: { type: 'string', default: 'test' },
    world: { type: 'string', default: 'closed' },
    'feasibility-threshold': { type: 'string' },
    vocabulary: { type: 'string' },
    model: { type: 'string' },
    limit: { type: 'string' },
    svg: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
  optionHelp: {
    dataset: `${Object.keys(datasets).join(', ')} (required)`,
    root: 'directory of the data set (required)',
    split: 'test (default), val or train',
    world: 'closed (default) or open, with 10 000 pairs at most',
    'feasibility-threshold': 'in the open world, of a trained vocabulary, in place of the chosen one, from -1 to 1',
    vocabulary: 'a trained vocabulary; otherwise the words of the data set, untrained',
    model: 'a composition model from `tessera models`; otherwise that of the vocabulary, or the default',
    limit: 'measure on this many images, spread over the split',
    svg: 'write the seen–unseen curve to this file',
    json: 'print JSON',
  },
  async run({ client, options, signal, print, say, progress }) {
    const { dataset, set: title, root } = dataSetOptions(options, datasets);
    const set = compositionSets.find((known) => known === options.split);
    if (set === undefined) throw new UsageError(`--split is one of ${compositionSets.join(', ')}.`);
    const { world } = options;
    if (world !== 'open' && world !== 'closed') throw new UsageError('--world is open or closed.');
    const given = numberOption(options, 'feasibility-threshold', { min: -1, max: 1 });
    const limit = numberOption(options, 'limit', { min: 1, isInteger: true });
    const [model, vocabulary] = [textOption(options, 'model'), textOption(options, 'vocabulary')];

    const { attributes, objects, pairs, images: all } = await openCompositionSplit(root, set);
    const images = spread(all, limit);
    if (images.length === 0) throw new UsageError(`${title} has no images of the split "${set}".`);
    const isOpen = world === 'open';
    const candidates = isOpen ? openWorld(attributes, objects, pairs.train) : closedWorld(pairs.train, pairs[set]);
    const collect = (asked: LogitsRequest['images'], open?: OpenWorld) =>
      collectLogits({
        client,
        question: {
          vocabulary: vocabulary ?? { attributes: [...attributes], objects: [...objects] },
          ...(model === undefined ? {} : { model }),
          ...open,
        },
        candidates,
        images: asked,
        signal,
        onImages: (done) => {
          progress(`classifying ${done} of ${asked.length} images`, done / asked.length);
        },
      });
    const calibrate = async () => {
      const validation = spread((await openCompositionSplit(root, 'val')).images, limit);
      const { labelled, feasibility } = await collect(validation, { world: 'open', feasibility_threshold: -1 });
      return chooseThreshold(labelled, feasibility);
    };
    // Words alone have no pairs to tell feasible ones by.
    const threshold = given ?? (isOpen && vocabulary !== undefined ? await calibrate() : undefined);
    const open: OpenWorld = { world: 'open', ...(threshold === undefined ? {} : { feasibility_threshold: threshold }) };
    const { labelled, feasible } = await collect(images, isOpen ? open : undefined);
    const evaluation = evaluateCollected(labelled, feasible);
    const result = {
      dataset,
      split: set,
      ...(isOpen ? open : { world }),
      ...(vocabulary === undefined ? {} : { vocabulary }),
      ...evaluation,
    };
    const name = vocabulary ?? 'words';
    print(
      options.json === true
        ? JSON.stringify(result, null, 2)
        : metricsTable(`${name}, ${title} ${set}${isOpen ? ', open world' : ''}`, evaluation.metrics),
    );
    const svg = textOption(options, 'svg');
    if (svg !== undefined) {
      const heading = `${title} ${set}, ${images.length} images, ${world} world`;
      await writeFile(svg, drawSeenUnseenCurves(heading, [{ name, evaluation }]));
      say(`The curve is in ${svg}`);
    }
  },
};

/** So many of the values at equal distances: the images of a data set lie pair by pair. */
function spread<Value>(values: readonly Value[], limit = values.length): Value[] {
  const count = Math.min(limit, values.length);
  const places = new Set(Array.from({ length: count }, (_, index) => Math.floor((index * values.length) / count)));
  return values.filter((_, place) => places.has(place));
}
