import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repositoryRoot } from '../data/shared-data.js';

/**
 * Replaces what stands between `<!-- name -->` and `<!-- /name -->` in a Markdown page of the repository.
 *
 * @throws Error when the page has no such section
 */
export async function writeSection(page: string, name: string, content: string): Promise<void> {
  const file = join(repositoryRoot, page);
  await writeFile(file, replaceSection(await readFile(file, 'utf8'), name, content));
}

/** @throws Error when the text has no such section */
export function replaceSection(text: string, name: string, content: string): string {
  const [opening, closing] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const start = text.indexOf(opening);
  const end = text.indexOf(closing, start);
  if (start < 0 || end < 0) throw new Error(`There is no section "${name}" to write to.`);
  return `${text.slice(0, start + opening.length)}\n\n${content.trim()}\n\n${text.slice(end)}`;
}
