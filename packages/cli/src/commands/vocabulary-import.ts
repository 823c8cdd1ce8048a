import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Command } from '../command.js';
import { UsageError } from '../command-errors.js';

export const vocabularyImport: Command = {
  usage: 'vocabulary import <file>',
  summary: 'Store a vocabulary from a file that `export` wrote',
  examples: [['tessera vocabulary import garments.tessera-vocabulary --name copy', 'under another name']],
  positionals: { min: 1, max: 1 },
  options: { name: { type: 'string' } },
  optionHelp: { name: 'the name to store it under; otherwise the file’s own name' },
  async run({ client, positionals, options, signal, say }) {
    const path = positionals[0] ?? '';
    const file = await readFile(path).catch(() => {
      throw new UsageError(`${path} cannot be read.`);
    });
    const name = typeof options.name === 'string' ? options.name : basename(path).replace(/\.tessera-vocabulary$/, '');
    const { attributes, objects } = await client.importVocabulary(name, file, { signal });
    say(`${name} is stored: ${attributes.length} attributes, ${objects.length} objects`);
  },
};
