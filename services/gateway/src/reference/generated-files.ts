import { readFile, writeFile } from 'node:fs/promises';
import { configurationReference } from './configuration-reference.js';
import { errorReference } from './error-reference.js';

const repository = new URL('../../../../', import.meta.url);

/** A file that is generated and committed. */
export interface GeneratedFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** Every generated file as it should be. `document` is the OpenAPI document that the gateway serves. */
export function generatedFiles(document: unknown): GeneratedFile[] {
  return [
    { path: 'openapi/openapi.json', text: `${JSON.stringify(document, null, 2)}\n` },
    { path: 'docs/reference/errors.md', text: errorReference() },
    { path: 'docs/reference/configuration.md', text: configurationReference() },
  ];
}

/** The committed text of a generated file; empty when there is none. */
export async function committedText({ path }: GeneratedFile): Promise<string> {
  return readFile(new URL(path, repository), 'utf8').catch(() => '');
}

/** Writes the file in its place. */
export async function writeGenerated({ path, text }: GeneratedFile): Promise<void> {
  await writeFile(new URL(path, repository), text);
}
