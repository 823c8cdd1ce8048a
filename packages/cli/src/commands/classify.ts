import { readFile } from 'node:fs/promises';
import type { Command } from '../command.js';
import { percent, table } from '../tables.js';
import { UsageError } from '../usage-error.js';

export const classify: Command = {
  usage: 'classify <image>... --vocabulary <name>',
  summary: 'Name what images show',
  positionals: { min: 1, max: 32 },
  options: {
    vocabulary: { type: 'string' },
    world: { type: 'string', default: 'closed' },
    'top-k': { type: 'string', default: '5' },
    bias: { type: 'string', default: '0' },
    json: { type: 'boolean', default: false },
  },
  optionHelp: {
    vocabulary: 'name of a trained vocabulary (required)',
    world:
      'closed (default): the pairs it was trained on; open: every attribute with every object, unseen pairs included',
    'top-k': 'predictions per image (5)',
    bias: 'added to the logits of pairs not seen in training (0)',
    json: 'print the whole answer as JSON',
  },
  async run({ client, positionals, options, signal, print, say }) {
    const { vocabulary, world } = options;
    if (typeof vocabulary !== 'string')
      throw new UsageError('--vocabulary, the name of a trained vocabulary, is missing.');
    if (world !== 'open' && world !== 'closed') throw new UsageError('--world is open or closed.');
    const topK = Number(options['top-k']);
    const bias = Number(options.bias);
    if (!Number.isInteger(topK) || topK < 1) throw new UsageError('--top-k is a positive whole number.');
    if (!Number.isFinite(bias)) throw new UsageError('--bias is a number.');
    const images = await Promise.all(positionals.map(readImage));
    const request = { images, vocabulary, world, top_k: topK, unseen_bias: bias } as const;
    const answer = await client.classify(request, { signal });
    if (options.json === true) {
      print(JSON.stringify(answer, null, 2));
      return;
    }
    for (const { code, words } of answer.warnings) say(`${code}: ${words.join(', ')}`);
    for (const { index, predictions, none } of answer.results) {
      const rows = predictions.map(({ label, score, seen }) => [
        label,
        `${percent(score)} %`,
        seen ? 'seen' : 'unseen',
      ]);
      const noneOfThese = none === undefined ? '' : `None of these: ${percent(none)} %\n`;
      print(`${positionals[index] ?? ''}\n${table([['Pair', 'Score', 'In training'], ...rows])}\n${noneOfThese}`);
    }
  },
};

async function readImage(path: string): Promise<string> {
  const bytes = await readFile(path).catch(() => {
    throw new UsageError(`${path} cannot be read.`);
  });
  return bytes.toString('base64');
}
