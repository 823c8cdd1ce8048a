import { readFile } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { ImageInput } from '@tessera/client';
import { UsageError } from './command-errors.js';

/**
 * The image that a word of the command line names: an http(s) URL, which the service fetches, `-` for the standard input,
 * or a file.
 *
 * @throws UsageError when the file cannot be read, or nothing comes
 */
export async function readImage(word: string, signal: AbortSignal): Promise<ImageInput> {
  if (isUrl(word)) return new URL(word);
  if (word === '-') return readInput(signal);
  return readFile(word).catch(() => {
    throw new UsageError(`${word} cannot be read.`);
  });
}

export function isUrl(word: string): boolean {
  return /^https?:\/\//.test(word);
}

async function readInput(signal: AbortSignal): Promise<Buffer> {
  const bytes = await buffer(addAbortSignal(signal, process.stdin));
  if (bytes.byteLength === 0) throw new UsageError('Nothing came on the standard input.');
  return bytes;
}
