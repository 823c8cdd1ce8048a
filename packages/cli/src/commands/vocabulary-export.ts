import { writeFile } from 'node:fs/promises';
import type { Command } from '../command.js';

export const vocabularyExport: Command = {
  usage: 'vocabulary export <name>',
  summary: 'Write a vocabulary to a file',
  examples: [['tessera vocabulary export garments', 'to garments.tessera-vocabulary']],
  positionals: { min: 1, max: 1 },
  options: { output: { type: 'string' } },
  optionHelp: { output: 'the file; otherwise <name>.tessera-vocabulary' },
  async run({ client, positionals, options, signal, say }) {
    const name = positionals[0] ?? '';
    const path = typeof options.output === 'string' ? options.output : `${name}.tessera-vocabulary`;
    await writeFile(path, await client.exportVocabulary(name, { signal }));
    say(`${name} is in ${path}`);
  },
};
