import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from './repository-copy.js';

/** Programs of which the calls in the documents are run. */
const programs = /^(tessera|curl|tar) /;
/** They run until they are stopped, are for a shell that a person types into, or measure public data sets, which are not here. */
const leftOut = /^tessera (serve|gateway|worker|evaluate)\b|<\(/;

/** The calls of `tessera`, `curl` and `tar` in the shell examples of a document, in their order. */
export async function commandsOf(document: string): Promise<string[]> {
  const commands = (await blocksOf(document, 'sh')).flatMap(commandsIn).map((command) => command.replace(/^npx /, ''));
  return commands.filter((command) => programs.test(command) && !leftOut.test(command));
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
