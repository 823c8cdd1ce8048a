import type { VocabularySummary } from '@tessera/contracts';
import { percent } from '@tessera/runtime';
import type { Command } from '../command.js';
import { table } from '../tables.js';

export const vocabularyList: Command = {
  usage: 'vocabulary list',
  summary: 'List the trained vocabularies, and those in training',
  examples: [['tessera vocabulary list', 'names, sizes and measures']],
  positionals: { min: 0, max: 0 },
  options: { json: { type: 'boolean', default: false } },
  optionHelp: { json: 'print JSON' },
  async run({ client, options, signal, print }) {
    const vocabularies = await client.vocabularies({ signal });
    if (options.json === true) print(JSON.stringify(vocabularies, null, 2));
    else if (vocabularies.length === 0) print('There are none yet; train one with `tessera vocabulary train`.');
    else print(table([header, ...vocabularies.map(row)]));
  },
};

const header = ['Name', 'Status', 'Model', 'Method', 'Attributes', 'Objects', 'Seen pairs', 'AUC'];

function row({
  name,
  status,
  job,
  model,
  method,
  attributes,
  objects,
  seen_pairs,
  metrics,
}: VocabularySummary): string[] {
  return [
    name,
    status === 'trained' && job !== undefined ? 'trained, in training again' : status,
    model ?? '',
    method ?? '',
    `${attributes ?? ''}`,
    `${objects ?? ''}`,
    `${seen_pairs ?? ''}`,
    metrics === undefined ? '' : percent(metrics.auc),
  ];
}
