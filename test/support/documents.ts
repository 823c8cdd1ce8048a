import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { commandsNotRun } from './commands-not-run.js';
import { findProgram } from './programs.js';
import { repositoryRoot } from './repository-copy.js';

const execute = promisify(execFile);

/** Where the services of the documents listen. */
const documentedUrl = 'http://127.0.0.1:3000';

/** Programs of which the calls in the documents are run. */
const programs = /^(tessera|curl|tar) /;

/** The README and the guides. */
export async function documents(): Promise<string[]> {
  const guides = await readdir(join(repositoryRoot, 'docs/guides'));
  return ['README.md', ...guides.sort().map((name) => `docs/guides/${name}`)];
}

/** All commands in the shell examples of a document, in their order. */
export async function allCommandsOf(document: string): Promise<string[]> {
  return (await blocksOf(document, 'sh')).flatMap(commandsIn).map((command) => command.replace(/^npx /, ''));
}

/** Those of them that tests run: calls of `tessera`, `curl` and `tar`, but {@link commandsNotRun}. */
export async function commandsOf(document: string): Promise<string[]> {
  const isLeftOut = (command: string) => commandsNotRun.some(([commands]) => commands.test(command));
  return (await allCommandsOf(document)).filter((command) => programs.test(command) && !isLeftOut(command));
}

/** What the commands call that a machine may lack, and how it is called. */
const calls: Readonly<Record<string, RegExp>> = {
  curl: /\bcurl /,
  tar: /\btar /,
  gzip: /\btar -\w*z/,
  base64: /\bbase64 /,
};

/** Why a test of these commands is left out; false when the machine has what they call. */
export function commandSkipReason(commands: readonly string[]): string | false {
  const called = Object.keys(calls).filter((name) => commands.some((command) => calls[name]?.test(command)));
  const missing = called.find((name) => findProgram({ names: [name] }) === undefined);
  return missing === undefined ? false : `there is no ${missing}`;
}

/** Puts `tessera` into the directory, as `npm link` puts it on the PATH; the PATH with it. */
export async function linkCommandLine(directory: string): Promise<string> {
  const programs = join(directory, 'bin');
  await mkdir(programs);
  await symlink(join(repositoryRoot, 'packages/cli/bin/tessera.js'), join(programs, 'tessera'));
  return [programs, process.env.PATH].join(delimiter);
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
  for (const line of block.replaceAll(/(^| +)# .*$/gm, '').split('\n')) {
    open += line;
    const isOpen = open.endsWith('\\') || open.split("'").length % 2 === 0;
    if (!isOpen) commands.push(open);
    open = isOpen ? `${open}\n` : '';
  }
  return commands.filter((command) => command !== '');
}

/** The examples of a document in one language. */
export async function blocksOf(document: string, language: string): Promise<string[]> {
  const text = await readFile(join(repositoryRoot, document), 'utf8');
  return Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms')), ([, block]) => block ?? '');
}
