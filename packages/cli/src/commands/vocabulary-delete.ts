import type { Command } from '../command.js';

export const vocabularyDelete: Command = {
  usage: 'vocabulary delete <name>',
  summary: 'Delete a vocabulary',
  examples: [['tessera vocabulary delete garments', 'it cannot be brought back']],
  positionals: { min: 1, max: 1 },
  options: {},
  optionHelp: {},
  async run({ client, positionals, signal, say }) {
    const name = positionals[0] ?? '';
    await client.deleteVocabulary(name, { signal });
    say(`${name} is deleted`);
  },
};
