import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { decodeMask, type SegmentQueryResult, type SegmentResponse } from '@tessera/client';
import { encodePng } from '@tessera/masks/png';
import { CommandFailure, UsageError } from './command-errors.js';

/** @throws UsageError when an overlay is neither a JPEG nor a PNG, by its name */
export function overlayFormat(path: string): 'jpeg' | 'png' {
  const extension = extname(path).toLowerCase();
  if (extension === '.png') return 'png';
  if (extension === '.jpg' || extension === '.jpeg') return 'jpeg';
  throw new UsageError(`--overlay is a .jpg or .png file, not "${path}".`);
}

/** The files of so many masks: of several, `mask.png` becomes `mask-1.png` and so on. */
export function maskPaths(path: string, count: number): string[] {
  const stem = path.slice(0, path.length - extname(path).length);
  return count === 1 ? [path] : Array.from({ length: count }, (_, index) => `${stem}-${index + 1}.png`);
}

/** Writes the mask of every result as PNG, to the files of {@link maskPaths}. */
export async function writeMasks({ results }: SegmentResponse, path: string): Promise<string[]> {
  const paths = maskPaths(path, results.length);
  for (const [index, result] of results.entries()) await write(paths[index] ?? path, maskPng(result));
  return paths;
}

/**
 * White inside.
 *
 * @throws CommandFailure when the mask is malformed, as that of another service may be
 */
export function maskPng({ mask }: Pick<SegmentQueryResult, 'mask'>): Uint8Array {
  try {
    return encodePng(decodeMask(mask));
  } catch (error) {
    throw new CommandFailure(`The answer has a mask that can't be read: ${(error as Error).message}.`);
  }
}

/** @throws CommandFailure when the answer has no overlay */
export async function writeOverlay({ overlay }: SegmentResponse, path: string): Promise<void> {
  const base64 = /^data:image\/\w+;base64,(.*)$/s.exec(overlay?.image ?? '')?.[1];
  if (base64 === undefined) throw new CommandFailure('The service gives no overlays: its version is too old.');
  await write(path, Buffer.from(base64, 'base64'));
}

/** Writes a file, and its directory where that is missing. */
export async function write(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  } catch (error) {
    throw new CommandFailure(`${path} cannot be written: ${(error as Error).message}.`);
  }
}
