import type { ClassifyCall } from '@tessera/client';
import { percent } from '@tessera/runtime';
import { UsageError } from '../command-errors.js';
import type { Command, OptionValues } from '../command.js';
import { numberOption, textOption } from '../option-values.js';
import { printableLine } from '../printable.js';
import { readImage } from '../read-image.js';
import { table } from '../tables.js';

export const classify: Command = {
  usage: 'classify <image>...',
  summary: 'Name what images show, as attribute and object',
  details:
    'An image is a file, an http(s) URL, or - for the standard input. The words are your own, or those of a vocabulary that `tessera vocabulary train` made.',
  examples: [
    ['tessera classify photo.jpg --attributes red,black --objects dress,shirt', 'without any training'],
    ['tessera classify *.jpg --vocabulary garments --world open', 'with a trained vocabulary, unseen pairs included'],
  ],
  positionals: { min: 1, max: 32 },
  options: {
    vocabulary: { type: 'string' },
    attributes: { type: 'string' },
    objects: { type: 'string' },
    world: { type: 'string', default: 'closed' },
    'top-k': { type: 'string', default: '5' },
    bias: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
  optionHelp: {
    vocabulary: 'name of a trained vocabulary',
    attributes: 'in place of a vocabulary: attributes, separated by commas',
    objects: 'in place of a vocabulary: objects, separated by commas',
    world:
      'closed (default): the pairs it was trained on; open: every attribute with every object, unseen pairs included',
    'top-k': 'predictions per image (5)',
    bias: 'added to the logits of pairs not seen in training (0)',
    json: 'print the whole answer as JSON',
  },
  async run({ client, positionals, options, signal, print, say }) {
    const vocabulary = vocabularyOf(options);
    const { world } = options;
    if (world !== 'open' && world !== 'closed') throw new UsageError('--world is open or closed.');
    const topK = numberOption(options, 'top-k', { min: 1, isInteger: true }) ?? 5;
    const bias = numberOption(options, 'bias') ?? 0;
    if (positionals.filter((word) => word === '-').length > 1) throw new UsageError('- is one image.');
    const images = await Promise.all(positionals.map((word) => readImage(word, signal)));
    const answer = await client.classify({ images, vocabulary, world, top_k: topK, unseen_bias: bias }, { signal });
    for (const { code, words } of answer.warnings) say(`${warnings[code]} (${code}): ${words.join(', ')}`);
    if (options.json === true) {
      print(JSON.stringify(answer, null, 2));
      return;
    }
    for (const { index, predictions, none } of answer.results) {
      // Words of one's own were not trained.
      const isTrained = typeof vocabulary === 'string';
      const rows = predictions.map(({ label, score, seen }) => [
        label,
        `${percent(score)} %`,
        ...(isTrained ? [seen ? 'seen' : 'unseen'] : []),
      ]);
      const titles = ['Pair', 'Score', ...(isTrained ? ['In training'] : [])];
      const noneOfThese = none === undefined ? '' : `None of these: ${percent(none)} %\n`;
      print(`${printableLine(positionals[index] ?? '')}\n${table([titles, ...rows])}\n${noneOfThese}`);
    }
  },
};

const warnings = { unknown_words: 'words that the model knows no part of, so that their scores mean nothing' } as const;

function vocabularyOf(options: OptionValues): ClassifyCall['vocabulary'] {
  const name = textOption(options, 'vocabulary');
  const [attributes, objects] = ['attributes', 'objects'].map((list) =>
    textOption(options, list)
      ?.split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  );
  if (name !== undefined && attributes === undefined && objects === undefined) return name;
  if (name === undefined && attributes !== undefined && objects !== undefined) return { attributes, objects };
  throw new UsageError('Give --vocabulary, or --attributes and --objects.');
}
