import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from './repository-copy.js';

const execute = promisify(execFile);

/** Where the services of the documents listen. */
const documentedUrl = 'http://127.0.0.1:3000';

/** Programs of which the calls in the documents are run. */
const programs = /^(tessera|curl|tar) /;
/** They run until they are stopped, are for a shell that a person types into, or measure public data sets, which are not here. */
const leftOut = /^tessera (serve|gateway|worker|evaluate)\b|<\(/;

/** The calls of `tessera`, `curl` and `tar` in the shell examples of a document, in their order. */
export async function commandsOf(document: string): Promise<string[]> {
  const commands = (await blocksOf(document, 'sh')).flatMap(commandsIn).map((command) => command.replace(/^npx /, ''));
  return commands.filter((command) => programs.test(command) && !leftOut.test(command));
}

/** Why a test of these commands is left out; false when the machine has what they call. */
export function commandSkipReason(commands: readonly string[]): string | false {
  const called = ['curl', 'tar', 'gzip', 'base64'].filter((name) =>
    commands.some((command) => (name === 'gzip' ? /\btar -\w*z/ : new RegExp(`\\b${name} `)).test(command)),
  );
  const missing = called.find((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  return missing === undefined ? false : `there is no ${missing}`;
}

/** A command with the address of a service. A `curl` fails when the answer is an error. */
export function commandFor(url: string, command: string): string {
  return command.replace(/^curl /, 'curl -sS --fail-with-body ').replaceAll(documentedUrl, url);
}

/**
 * What a command prints, run by a shell in a directory.
 *
 * @throws Error with its `code`, `stdout` and `stderr` when it fails
 */
export async function inShell(
  command: string,
  directory: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<{ stdout: string; stderr: string }> {
  return await execute('sh', ['-c', command], { cwd: directory, env: environment, maxBuffer: 1 << 26 });
}

/** A command goes on after a backslash, and between quotes. */
function commandsIn(block: string): string[] {
  const commands: string[] = [];
  let open = '';
  for (const line of block.replaceAll(/ +# .*$/gm, '').split('\n')) {
    open += line;
    const isOpen = open.endsWith('\\') || open.split("'").length % 2 === 0;
    if (!isOpen) commands.push(open);
    open = isOpen ? `${open}\n` : '';
  }
  return commands;
}

/** The examples of a document in one language. */
export async function blocksOf(document: string, language: string): Promise<string[]> {
  const text = await readFile(join(repositoryRoot, document), 'utf8');
  return Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms')), ([, block]) => block ?? '');
}
