import type { Command } from '../command.js';

export const vocabularyDelete: Command = {
  usage: 'vocabulary delete <name>',
  summary: 'Delete a vocabulary',
  positionals: { min: 1, max: 1 },
  options: {},
  optionHelp: {},
  async run({ client, positionals, signal, say }) {
    const name = positionals[0] ?? '';
    await client.deleteVocabulary(name, { signal });
    say(`${name} is deleted`);
  },
};
