import type { Command } from './command.js';
import { commands, sharedHelp, sharedOptions } from './commands.js';

/** What `tessera --help` prints. */
export async function overview(): Promise<string> {
  const loaded = await Promise.all(Object.values(commands).map((load) => load()));
  return [
    'Usage: tessera <command> [options]',
    '',
    ...columns(loaded.map(({ usage, summary }) => [usage, summary])),
    '',
    'Every command has --help with its options and examples. --version prints the version.',
    '',
    'Examples:',
    ...columns([
      ['tessera serve', 'start the service on this machine'],
      ['tessera segment photo.jpg "the dog" --out mask.png', 'the dog as a mask'],
      ['tessera doctor', 'what is missing here'],
    ]),
    '',
    'Results go to the standard output, everything else to the standard error.',
    'Exit codes: 0 done; 1 it failed, or the service refused; 2 wrong usage; 130 interrupted by Ctrl-C;',
    '141 whoever read the results went away.',
  ].join('\n');
}

/** The commands that begin with a word, as `vocabulary`; undefined when there are none. */
export async function overviewOf(group: string): Promise<string | undefined> {
  const family = Object.entries(commands).filter(([name]) => name.startsWith(`${group} `));
  if (group === '' || family.length === 0) return undefined;
  const loaded = await Promise.all(family.map(([, load]) => load()));
  return columns(loaded.map(({ usage, summary }) => [`tessera ${usage}`, summary])).join('\n');
}

/** What `tessera <command> --help` prints. */
export function helpOf({ usage, summary, details, examples, options, optionHelp }: Command): string {
  const all: Command['options'] = { ...options, ...sharedOptions };
  const help = Object.entries({ ...optionHelp, ...sharedHelp }).map(([name, text]): [string, string] => {
    const { type, short } = { type: undefined, short: undefined, ...all[name] };
    const dashes = short === undefined ? `--${name}` : `-${short}, --${name}`;
    return [type === 'string' ? `${dashes} <value>` : dashes, text];
  });
  return [
    `Usage: tessera ${usage} [options]`,
    '',
    summary,
    ...(details === undefined ? [] : ['', details]),
    '',
    ...columns(help),
    ...(examples.length === 0
      ? []
      : ['', 'Examples:', ...examples.flatMap(([call, effect]) => [`  # ${effect}`, `  ${call}`])]),
  ].join('\n');
}

function columns(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
