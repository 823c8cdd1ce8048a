import { readFile } from 'node:fs/promises';
import type { ImageInput } from '@tessera/client';
import { UsageError } from './command-errors.js';

/**
 * The image that a word of the command line names: an http(s) URL, which the service fetches, or a file.
 *
 * @throws UsageError when the file cannot be read
 */
export async function readImage(word: string): Promise<ImageInput> {
  if (/^https?:\/\//.test(word)) return new URL(word);
  return readFile(word).catch(() => {
    throw new UsageError(`${word} cannot be read.`);
  });
}
