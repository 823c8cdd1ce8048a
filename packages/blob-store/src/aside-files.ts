import { randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

const temporarySuffix = '.temporary';
/** A temporary file this old was left by a process that died; no write takes as long. */
const abandonedAfterMs = 3_600_000;

/** A name in the directory that no other file has, whatever process makes it. */
export function asidePath(directory: string): string {
  return join(directory, randomUUID() + temporarySuffix);
}

/** Writes a file of its own into the directory, which need not exist, to be moved or linked to its place. @returns its path */
export async function writeAside(directory: string, parts: readonly Uint8Array[]): Promise<string> {
  const aside = asidePath(directory);
  const file = await openNew(aside, directory);
  await removeOnFailure(aside, async () => {
    try {
      const { bytesWritten } = await file.writev(parts);
      const bytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
      if (bytesWritten < bytes) throw fullDisk(aside);
    } finally {
      await file.close();
    }
  });
  return aside;
}

/** As the system reports it when not one byte has room. */
function fullDisk(path: string): Error {
  return Object.assign(new Error('The disk took only a part of a blob'), { code: 'ENOSPC', syscall: 'write', path });
}

/** Replaces the file at the path in one step: no reader sees one that is half-written. */
export async function moveIntoPlace(aside: string, path: string): Promise<void> {
  await removeOnFailure(aside, () => rename(aside, path));
}

/** Whether a process that died has left the file. */
export function isAbandoned(name: string, { mtimeMs }: { readonly mtimeMs: number }): boolean {
  return isAside(name) && Date.now() - mtimeMs > abandonedAfterMs;
}

/** Whether the name is one of {@link asidePath}. */
export function isAside(name: string): boolean {
  return name.endsWith(temporarySuffix);
}

export function ignoreMissing(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error;
}

export function ignoreExisting(error: unknown): undefined {
  if (!hasCode(error, 'EEXIST')) throw error;
}

/** Creates a file; its directory, too, which is missing for the first file in it. */
async function openNew(path: string, directory: string): Promise<FileHandle> {
  const file = await open(path, 'wx').catch(ignoreMissing);
  if (file !== undefined) return file;
  await mkdir(directory, { recursive: true });
  return open(path, 'wx');
}

async function removeOnFailure(path: string, use: () => Promise<void>): Promise<void> {
  try {
    await use();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
