import type { VocabularyDescription } from '@tessera/contracts';
import { percent } from '@tessera/runtime';
import type { Command } from '../command.js';
import { metricsTable, table } from '../tables.js';

export const vocabularyShow: Command = {
  usage: 'vocabulary show <name>',
  summary: 'Show a vocabulary: words, seen pairs, measures, recipe, history',
  examples: [['tessera vocabulary show garments', 'its words and how its training went']],
  positionals: { min: 1, max: 1 },
  options: { json: { type: 'boolean', default: false } },
  optionHelp: { json: 'print JSON' },
  async run({ client, positionals, options, signal, print }) {
    const vocabulary = await client.vocabulary(positionals[0] ?? '', { signal });
    print(options.json === true ? JSON.stringify(vocabulary, null, 2) : describe(vocabulary));
  },
};

function describe(vocabulary: VocabularyDescription): string {
  const { name, model, method, attributes, objects, seen_pairs: pairs, metrics, recipe, history } = vocabulary;
  const facts = [
    `${name}, trained for ${model} by ${method}`,
    `attributes: ${attributes.join(', ')}`,
    `objects: ${objects.join(', ')}`,
    `seen pairs: ${pairs.map((pair) => pair.join(' ')).join(', ')}`,
    ...(recipe === undefined
      ? []
      : [
          `recipe: ${Object.entries(recipe)
            .map(([key, value]) => `${key} ${value}`)
            .join(', ')}`,
        ]),
  ];
  const epochs = (history ?? []).map(({ epoch, loss, validation_auc: auc }) => [
    `${epoch}`,
    loss.toFixed(4),
    auc === undefined ? '' : percent(auc),
  ]);
  return [
    facts.join('\n'),
    ...(metrics === undefined ? [] : [metricsTable(name, metrics)]),
    ...(epochs.length === 0 ? [] : [table([['Epoch', 'Loss', 'Validation AUC'], ...epochs])]),
  ].join('\n\n');
}
