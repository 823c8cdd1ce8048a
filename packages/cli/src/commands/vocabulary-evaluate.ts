import { writeFile } from 'node:fs/promises';
import { closedWorld, drawSeenUnseenCurves, openWorld } from '@tessera/composition';
import type { Command } from '../command.js';
import { evaluateCollected } from '../evaluate-collected.js';
import { collectLogits } from '../evaluation-logits.js';
import { numberOption } from '../option-values.js';
import { metricsTable } from '../tables.js';
import { openTrainingDirectory } from '../training-directory.js';
import { UsageError } from '../command-errors.js';

const sets = ['val', 'test', 'train'] as const;

export const vocabularyEvaluate: Command = {
  usage: 'vocabulary evaluate <directory> --name <name>',
  summary: 'Measure a vocabulary on labelled images: S, U, HM, AUC',
  examples: [
    [
      'tessera vocabulary evaluate garments/ --name garments --world open --svg curve.svg',
      'with the seen–unseen curve',
    ],
  ],
  positionals: { min: 1, max: 1 },
  options: {
    name: { type: 'string' },
    set: { type: 'string', default: 'val' },
    world: { type: 'string', default: 'closed' },
    'feasibility-threshold': { type: 'string' },
    svg: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
  optionHelp: {
    name: 'name of the vocabulary (required)',
    set: 'which images of metadata.json: val (default), test or train',
    world: 'closed (default): the seen pairs and those of the images; open: every attribute with every object',
    'feasibility-threshold': 'in the open world, leave out unseen pairs that are less plausible, from -1 to 1',
    svg: 'write the seen–unseen curve to this file',
    json: 'print JSON',
  },
  async run({ client, positionals, options, signal, print, say, progress }) {
    const { name, world, svg } = options;
    if (typeof name !== 'string') throw new UsageError('--name, the name of the vocabulary, is missing.');
    if (world !== 'open' && world !== 'closed') throw new UsageError('--world is open or closed.');
    const set = sets.find((known) => known === options.set);
    if (set === undefined) throw new UsageError(`--set is one of ${sets.join(', ')}.`);
    const threshold = numberOption(options, 'feasibility-threshold', { min: -1, max: 1 });
    const directory = await openTrainingDirectory(positionals[0] ?? '');
    const examples = directory.examples.filter((example) => example.set === set);
    if (examples.length === 0) throw new UsageError(`No row of metadata.json is of the set "${set}".`);
    const vocabulary = await client.vocabulary(name, { signal });
    const images = examples.map(({ attributes, object, image }) => ({
      composition: [...attributes, object],
      read: () => directory.readImage(image),
    }));
    const { attributes, objects, seen_pairs: seenPairs } = vocabulary;
    const isClosed = world === 'closed';
    const shown = images.map(({ composition }) => composition);
    const open = { world: 'open' as const, ...(threshold === undefined ? {} : { feasibility_threshold: threshold }) };
    const { labelled, feasible } = await collectLogits({
      client,
      question: { vocabulary: vocabulary.name, ...(isClosed ? {} : open) },
      candidates: isClosed ? closedWorld(seenPairs, shown) : openWorld(attributes, objects, seenPairs),
      images,
      signal,
      onImages: (done) => {
        progress(`classifying ${done} of ${examples.length} images`, done / examples.length);
      },
    });
    const evaluation = evaluateCollected(labelled, feasible);
    print(
      options.json === true
        ? JSON.stringify(evaluation, null, 2)
        : metricsTable(`${name} (${world})`, evaluation.metrics),
    );
    if (typeof svg === 'string') {
      const title = `${name} on ${examples.length} images, ${world} world`;
      await writeFile(svg, drawSeenUnseenCurves(title, [{ name: vocabulary.method, evaluation }]));
      say(`The curve is in ${svg}`);
    }
  },
};
