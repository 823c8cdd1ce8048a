import type { Command } from '../command.js';
import { table } from '../tables.js';
import { UsageError } from '../command-errors.js';

export const webhooksFailed: Command = {
  usage: 'webhooks failed',
  summary: 'List the webhooks that could not be delivered',
  examples: [['tessera webhooks failed', 'those of the requests with your API key']],
  positionals: { min: 0, max: 0 },
  options: { json: { type: 'boolean', default: false } },
  optionHelp: { json: 'print JSON' },
  async run({ client, options, signal, print }) {
    const failed = await client.failedWebhooks({ signal });
    if (options.json === true) print(JSON.stringify(failed, null, 2));
    else if (failed.length === 0) print('There are none.');
    else {
      const rows = failed.map(({ id, type, url, failed_at, error }) => [id, type, failed_at, url, error]);
      print(table([['Id', 'Type', 'Failed at', 'URL', 'Why'], ...rows]));
    }
  },
};

export const webhooksRedeliver: Command = {
  usage: 'webhooks redeliver [<id>...]',
  summary: 'Send failed webhooks again',
  examples: [
    ['tessera webhooks redeliver end-6f1c1c52-5f0c-4c38-8f6e-0d6b5ff3f1a1', 'one of them'],
    ['tessera webhooks redeliver --all', 'once the receiver works again'],
  ],
  positionals: { min: 0, max: 1_000 },
  options: { all: { type: 'boolean', default: false } },
  optionHelp: { all: 'all that are listed' },
  async run({ client, options, positionals, signal, say }) {
    if ((options.all === true) === positionals.length > 0) {
      throw new UsageError('Give the ids of webhooks, which `tessera webhooks failed` lists, or --all.');
    }
    const ids = options.all === true ? (await client.failedWebhooks({ signal })).map(({ id }) => id) : positionals;
    for (const id of ids) await client.redeliverWebhook(id, { signal });
    say(`${ids.length} ${ids.length === 1 ? 'webhook is' : 'webhooks are'} sent again`);
  },
};
