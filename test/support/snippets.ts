import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Locator } from 'playwright-core';
import { apiKey, sample } from './playground.js';
import { repositoryRoot } from './repository-copy.js';

const run = promisify(execFile);

/** How the code of each language is run, where the samples are the files of the directory. */
const commands = {
  curl: (text) => ['sh', '-c', text],
  TypeScript: (_, file) => ['node', file],
  Python: (_, file) => ['python3', file],
} as const satisfies Record<string, (text: string, file: string) => [program: string, ...words: string[]]>;

type SnippetLanguage = keyof typeof commands;
export const snippetLanguages = Object.keys(commands) as SnippetLanguage[];

/** Copies a request from the page by its button. */
export async function copySnippet(place: Locator, language: SnippetLanguage): Promise<string> {
  await place.getByRole('button', { name: `Copy as ${language}` }).click();
  await place.getByRole('button', { name: `Copied as ${language}` }).waitFor();
  return place.page().evaluate(() => navigator.clipboard.readText());
}

/**
 * Runs copied code beside the sample photos, as somebody who has installed `@tessera/client`; what it prints.
 *
 * @param directory - where the code is put
 */
export async function runSnippet(text: string, language: SnippetLanguage, directory: string): Promise<string> {
  const scope = join(directory, 'node_modules/@tessera');
  await mkdir(scope, { recursive: true });
  await symlink(join(repositoryRoot, 'packages/client'), join(scope, 'client')).catch(() => undefined);
  // The snippet has no types of its own, so that Node runs it as it is.
  const file = join(directory, language === 'TypeScript' ? 'snippet.mjs' : 'snippet.py');
  await writeFile(file, text);
  const [program, ...words] = commands[language](text, file);
  const { stdout } = await run(program, words, {
    cwd: dirname(sample('coffee.jpg')),
    env: { ...process.env, TESSERA_API_KEY: apiKey },
  });
  return stdout;
}
