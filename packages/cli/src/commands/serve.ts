import { pathToFileURL } from 'node:url';
import { ConfigError, parseConfig } from '@tessera/contracts';
import { UsageError } from '../command-errors.js';
import type { Command, CommandContext } from '../command.js';
import { compile, directoriesOf, modelBuilder, runNode, serviceMain } from '../installation.js';
import { numberOption, textOption } from '../option-values.js';

const listening = {
  options: { port: { type: 'string' }, host: { type: 'string' } },
  optionHelp: { port: 'to listen on (PORT, 3000)', host: 'to listen on (HOST, 127.0.0.1)' },
} as const;
const loading = {
  options: { models: { type: 'string' } },
  optionHelp: { models: 'directory of the model bundles (MODELS_DIR)' },
} as const;
const overRedis = {
  options: { redis: { type: 'string' } },
  optionHelp: { redis: 'URL of the Redis that gateways and workers meet in (REDIS_URL)' },
} as const;
const settings = 'All other settings are environment variables: docs/reference/configuration.md.';

export const serve: Command = {
  usage: 'serve',
  summary: 'Run the whole service in this process, as `npm start` does',
  details: `Builds the models first where they are missing. ${settings}`,
  examples: [
    ['tessera serve', 'on http://127.0.0.1:3000'],
    ['tessera serve --port 8080', 'on another port'],
  ],
  positionals: { min: 0, max: 0 },
  options: { ...listening.options, ...loading.options, data: { type: 'string' } },
  optionHelp: {
    ...listening.optionHelp,
    ...loading.optionHelp,
    data: 'directory of the queue and the images (DATA_DIR)',
  },
  async run(context) {
    await prepareModels(context);
    await run('standalone', context);
  },
};

export const gateway: Command = {
  usage: 'gateway',
  summary: 'Run a gateway of a cluster, which answers HTTP and loads no models',
  details: settings,
  examples: [['tessera gateway --redis redis://localhost:6379', 'beside any number of workers']],
  positionals: { min: 0, max: 0 },
  options: { ...listening.options, ...overRedis.options },
  optionHelp: { ...listening.optionHelp, ...overRedis.optionHelp },
  async run(context) {
    checkSettings(context);
    await run('gateway', context);
  },
};

export const worker: Command = {
  usage: 'worker',
  summary: 'Run a worker of a cluster, which runs the models',
  details: `Builds the models first where they are missing. ${settings}`,
  examples: [['tessera worker --redis redis://localhost:6379', 'beside any number of others']],
  positionals: { min: 0, max: 0 },
  options: { ...loading.options, ...overRedis.options },
  optionHelp: { ...loading.optionHelp, ...overRedis.optionHelp },
  async run(context) {
    await prepareModels(context);
    await run('worker', context);
  },
};

/** @throws UsageError for a setting that the service would not start with */
function checkSettings(context: CommandContext): void {
  try {
    parseConfig({ ...context.environment, ...settingsOf(context) });
  } catch (error) {
    throw error instanceof ConfigError ? new UsageError(error.message) : error;
  }
}

async function prepareModels(context: CommandContext): Promise<void> {
  checkSettings(context);
  await compile({ 'packages/bundle-builder': modelBuilder });
  await runNode(modelBuilder, [], settingsOf(context));
}

/** Becomes the service: it reads its settings from this process's environment, and handles its signals. */
async function run(service: 'standalone' | 'gateway' | 'worker', context: CommandContext): Promise<void> {
  const main = serviceMain(service);
  await compile({ [`services/${service}`]: main });
  Object.assign(process.env, settingsOf(context));
  await import(pathToFileURL(main).href);
}

function settingsOf({ options, environment }: CommandContext): Record<string, string> {
  const given = {
    PORT: numberOption(options, 'port', { min: 0, max: 65_535, isInteger: true })?.toString(),
    HOST: textOption(options, 'host'),
    REDIS_URL: textOption(options, 'redis'),
    MODELS_DIR: textOption(options, 'models'),
    DATA_DIR: textOption(options, 'data'),
  };
  const present = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...Object.fromEntries(present), ...directoriesOf({ ...environment, ...Object.fromEntries(present) }) };
}
