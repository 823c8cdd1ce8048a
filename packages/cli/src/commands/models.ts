import type { Command } from '../command.js';
import { table } from '../tables.js';

export const models: Command = {
  usage: 'models',
  summary: 'List the models that the service has',
  examples: [['tessera models', 'names for --model']],
  positionals: { min: 0, max: 0 },
  options: { json: { type: 'boolean', default: false } },
  optionHelp: { json: 'print JSON, with licence and provenance' },
  async run({ client, options, signal, print }) {
    const models = await client.models({ signal });
    if (options.json === true) print(JSON.stringify(models, null, 2));
    else if (models.length === 0) print('There are none: no worker is running.');
    else {
      const rows = models.map(({ name, version, task, default: isDefault, description }) => [
        `${name}@${version}`,
        task,
        isDefault ? 'yes' : '',
        description,
      ]);
      print(table([['Name', 'Task', 'Default', 'Description'], ...rows]));
    }
  },
};
