import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from './repository-copy.js';

/** Commands that run until they are stopped, or change the installation. */
const leftOut = /^tessera (serve|gateway|worker)\b|<\(|\|/;

/** The calls of `tessera` in the shell examples of a document, in their order, as words. */
export async function commandsOf(document: string): Promise<string[][]> {
  const lines = (await blocksOf(document, 'sh')).flatMap((block) => block.split('\n'));
  return lines
    .map((line) => line.replace(/^npx /, '').replace(/ +# .*$/, ''))
    .filter((line) => line.startsWith('tessera ') && !leftOut.test(line))
    .map((line) => Array.from(line.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, word]) => quoted ?? word ?? '').slice(1));
}

/** The examples of a document in one language. */
export async function blocksOf(document: string, language: string): Promise<string[]> {
  const text = await readFile(join(repositoryRoot, document), 'utf8');
  return Array.from(text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms')), ([, block]) => block ?? '');
}
