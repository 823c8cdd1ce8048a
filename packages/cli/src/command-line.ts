import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { TesseraClient } from '@tessera/client';
import { UsageError } from './command-errors.js';
import type { Command, CommandContext } from './command.js';
import { commands, defaultUrl, sharedOptions } from './commands.js';
import { explain } from './explain.js';
import { helpOf, overview, overviewOf } from './help.js';
import { printable } from './printable.js';
import { createScreen, type Screen } from './screen.js';

/**
 * Exit codes: of a command that did what it should, that failed, that was called wrongly, that was stopped, whose reader
 * went away; the last as a shell reports SIGPIPE.
 */
const exits = { success: 0, failure: 1, usage: 2, interrupted: 130, unread: 141 } as const;

/**
 * Runs `tessera` with these arguments; gives the exit code. Ctrl-C ends the command in good order, and so does a standard
 * output that takes nothing more.
 */
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
  const { outputLost } = screen;
  const signal = AbortSignal.any([interruption.signal, outputLost]);
  try {
    await dispatch(words, { ...forPeople(screen), environment, signal });
    await screen.flush();
    outputLost.throwIfAborted();
    return exits.success;
  } catch (error) {
    if (outputLost.aborted) return exitWithoutOutput(outputLost.reason, screen);
    if (interruption.signal.aborted) return exits.interrupted;
    screen.say(printable(explain(error)));
    return error instanceof UsageError ? exits.usage : exits.failure;
  } finally {
    process.off('SIGINT', interrupt);
  }
}

/** Names and messages come from files and services; what steers a terminal is shown instead of obeyed. */
function forPeople({
  print,
  write,
  say,
  progress,
}: Screen): Pick<CommandContext, 'print' | 'write' | 'say' | 'progress'> {
  return {
    print: (text) => {
      print(printable(text));
    },
    write,
    say: (text) => {
      say(printable(text));
    },
    progress: (text, fraction) => {
      progress(printable(text), fraction);
    },
  };
}

/** A reader such as `head` has what it wanted; a full disk is worth a word. */
function exitWithoutOutput(reason: unknown, { say }: Screen): number {
  const { code, message } = reason as NodeJS.ErrnoException;
  if (code === 'EPIPE') return exits.unread;
  say(`The results cannot be written: ${message}.`);
  return exits.failure;
}

async function dispatch(
  words: readonly string[],
  surroundings: Omit<CommandContext, 'client' | 'serviceUrl' | 'positionals' | 'options'>,
): Promise<void> {
  const { environment, print } = surroundings;
  const name = commandNamed(words);
  const load = name === undefined ? undefined : commands[name];
  if (name === undefined || load === undefined) {
    if (words[0] === '--version') print(await version());
    else if (words.length === 0 || words.some(asksForHelp)) print(await helpWith(words));
    else throw new UsageError(await unknownCommand(words));
    return;
  }
  const command = await load();
  const { values, positionals } = parse(words.slice(name.split(' ').length), command);
  if (values.help === true) {
    print(helpOf(command));
    return;
  }
  const { min, max } = command.positionals;
  if (positionals.length < min || positionals.length > max) {
    throw new UsageError(`Usage: tessera ${command.usage}; \`--help\` says more.`);
  }
  const serviceUrl = urlOf(values.url ?? environment.TESSERA_CLIENT_URL ?? defaultUrl);
  const apiKey = values['api-key'] ?? environment.TESSERA_CLIENT_API_KEY;
  const client = new TesseraClient({ url: serviceUrl, apiKey });
  await command.run({ ...surroundings, client, serviceUrl, positionals, options: values });
}

function commandNamed(words: readonly string[]): string | undefined {
  return Object.keys(commands).find((known) => `${words.join(' ')} `.startsWith(`${known} `));
}

function asksForHelp(word: string): boolean {
  return ['--help', '-h', 'help'].includes(word);
}

/** The help of what the words name, as `help segment` and `vocabulary --help`, otherwise of everything. */
async function helpWith(words: readonly string[]): Promise<string> {
  const subject = words.filter((word) => !asksForHelp(word));
  const command = await commands[commandNamed(subject) ?? '']?.();
  return command === undefined ? ((await overviewOf(subject[0] ?? '')) ?? overview()) : helpOf(command);
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

/** What there is in place of a command that is not; the first of the words may be right. */
async function unknownCommand(words: readonly string[]): Promise<string> {
  const [group = ''] = words;
  if (group.startsWith('-')) return `The command comes first, then ${group}; \`tessera --help\` lists the commands.`;
  const family = await overviewOf(group);
  if (family === undefined) return `There is no command "${words.join(' ')}"; \`tessera --help\` lists them.`;
  const missing =
    words.length === 1 ? `"${group}" is followed by one of:` : `There is no command "${words.join(' ')}":`;
  return `${missing}\n${family}`;
}

function urlOf(text: string): URL {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return new URL(text);
  throw new UsageError(`"${text}" is not the URL of a service, as ${defaultUrl}.`);
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
