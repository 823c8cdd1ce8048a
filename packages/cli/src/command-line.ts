import { parseArgs } from 'node:util';
import { ConnectionError, ServiceError, TesseraClient } from '@tessera/client';
import type { Command, CommandContext } from './command.js';
import { createScreen, type Screen } from './screen.js';
import { UsageError } from './usage-error.js';

/** Exit codes: of a command that did what it should, that the service refused, that was called wrongly, that was stopped. */
const exits = { success: 0, failure: 1, usage: 2, interrupted: 130 } as const;

const defaultUrl = 'http://127.0.0.1:3000';

const commands: Readonly<Record<string, () => Promise<Command>>> = {
  'vocabulary train': async () => (await import('./commands/vocabulary-train.js')).vocabularyTrain,
  'vocabulary list': async () => (await import('./commands/vocabulary-list.js')).vocabularyList,
  'vocabulary show': async () => (await import('./commands/vocabulary-show.js')).vocabularyShow,
  'vocabulary delete': async () => (await import('./commands/vocabulary-delete.js')).vocabularyDelete,
  'vocabulary export': async () => (await import('./commands/vocabulary-export.js')).vocabularyExport,
  'vocabulary import': async () => (await import('./commands/vocabulary-import.js')).vocabularyImport,
  'vocabulary evaluate': async () => (await import('./commands/vocabulary-evaluate.js')).vocabularyEvaluate,
  classify: async () => (await import('./commands/classify.js')).classify,
};

const sharedOptions = {
  url: { type: 'string' },
  'api-key': { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const sharedHelp = {
  url: `the service; otherwise TESSERA_CLIENT_URL, or ${defaultUrl}`,
  'api-key': 'one of its API keys; otherwise TESSERA_CLIENT_API_KEY',
  help: 'show this',
};

/** Runs `tessera` with these arguments; gives the exit code. Ctrl-C ends the command in good order. */
export async function runCommandLine(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  screen: Screen = createScreen(),
): Promise<number> {
  const interruption = new AbortController();
  const interrupt = () => {
    interruption.abort();
  };
  process.once('SIGINT', interrupt);
  try {
    await dispatch(words, environment, { ...screen, signal: interruption.signal });
    return exits.success;
  } catch (error) {
    if (interruption.signal.aborted) return exits.interrupted;
    screen.say(explain(error));
    return error instanceof UsageError ? exits.usage : exits.failure;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function dispatch(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  surroundings: Omit<CommandContext, 'client' | 'positionals' | 'options'>,
): Promise<void> {
  const name = Object.keys(commands).find((known) => `${words.join(' ')} `.startsWith(`${known} `));
  const load = name === undefined ? undefined : commands[name];
  if (name === undefined || load === undefined) {
    if (words.length > 0 && !words.some((word) => word === '--help' || word === '-h' || word === 'help')) {
      throw new UsageError(`There is no command "${words.join(' ')}"; \`tessera --help\` lists them.`);
    }
    surroundings.print(await overview());
    return;
  }
  const command = await load();
  const { values, positionals } = parse(words.slice(name.split(' ').length), command);
  if (values.help === true) {
    surroundings.print(helpOf(command));
    return;
  }
  const { min, max } = command.positionals;
  if (positionals.length < min || positionals.length > max) {
    throw new UsageError(`Usage: tessera ${command.usage}; \`--help\` says more.`);
  }
  const client = new TesseraClient({
    url: serviceUrl(values.url ?? environment.TESSERA_CLIENT_URL ?? defaultUrl),
    apiKey: values['api-key'] ?? environment.TESSERA_CLIENT_API_KEY,
  });
  await command.run({ ...surroundings, client, positionals, options: values });
}

function parse(words: readonly string[], command: Command) {
  try {
    const options = { ...command.options, ...sharedOptions };
    const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true });
    // Only the shared options are known by type here.
    return { values: values as SharedValues & CommandContext['options'], positionals };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`${reason}\nUsage: tessera ${command.usage}; \`--help\` says more.`);
  }
}

interface SharedValues {
  readonly url?: string;
  readonly 'api-key'?: string;
  readonly help?: boolean;
}

function serviceUrl(text: string): URL {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new UsageError(`"${text}" is not the URL of a service, as ${defaultUrl}.`);
}

async function overview(): Promise<string> {
  const loaded = await Promise.all(Object.values(commands).map((load) => load()));
  const width = Math.max(...loaded.map(({ usage }) => usage.length));
  const lines = loaded.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`);
  return ['Usage: tessera <command> [options]', '', ...lines, '', 'Every command has --help.'].join('\n');
}

function helpOf({ usage, summary, optionHelp }: Command): string {
  const entries = Object.entries({ ...optionHelp, ...sharedHelp });
  const width = Math.max(...entries.map(([name]) => name.length));
  const lines = entries.map(([name, help]) => `  --${name.padEnd(width)}  ${help}`);
  return [`Usage: tessera ${usage} [options]`, '', summary, '', ...lines].join('\n');
}

function explain(error: unknown): string {
  if (error instanceof ServiceError) {
    const places = (error.problem.errors ?? []).map(({ pointer, message }) => `\n  ${pointer} ${message}`);
    return `${error.code}: ${error.message}${places.join('')}`;
  }
  if (error instanceof ConnectionError)
    return `${error.message}\nIs the service running there? Start it with \`npm start\`, or say --url.`;
  if (error instanceof UsageError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
