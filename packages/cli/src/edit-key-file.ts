import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { parseApiKeysFile, type NamedApiKey } from '@tessera/contracts';
import { readKeyFile } from '@tessera/runtime/key-file';
import { CommandFailure } from './command-errors.js';

/**
 * Replaces the keys of a file, in one step: whoever reads it sees the old or the new ones, also when the machine stops in
 * between. Two edits at the same time do not undo each other.
 *
 * @param change - gives the new keys
 * @throws CommandFailure when the file cannot be used, or is being changed
 */
export async function editKeyFile(
  path: string,
  change: (keys: readonly NamedApiKey[]) => readonly NamedApiKey[],
): Promise<void> {
  const file = await realpath(path).catch(() => path);
  const next = `${file}.new`;
  const handle = await lock(next);
  try {
    const owner = await stat(file).catch(() => undefined);
    const keys = change(owner === undefined ? [] : await keysOf(file));
    const text = `${JSON.stringify({ keys }, null, 2)}\n`;
    // What the service would refuse is not written.
    parseApiKeysFile(text, file);
    await handle.writeFile(text);
    // The service may run as another user than whoever calls this.
    if (owner !== undefined) await keepAccess(handle, owner);
    await handle.sync();
    await rename(next, file);
  } catch (error) {
    await rm(next, { force: true });
    throw asFailure(error);
  } finally {
    await handle.close();
  }
}

/** @throws CommandFailure when the file cannot be used */
export async function keysOf(file: string): Promise<readonly NamedApiKey[]> {
  try {
    return await readKeyFile(file);
  } catch (error) {
    throw asFailure(error);
  }
}

async function lock(next: string): Promise<FileHandle> {
  try {
    return await open(next, 'wx', 0o600);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw new CommandFailure(`${next} cannot be written: ${code}.`);
    throw new CommandFailure(`Another command is changing the file. If none is, delete ${next} and try again.`);
  }
}

async function keepAccess(handle: FileHandle, { mode, uid, gid }: { mode: number; uid: number; gid: number }) {
  const own = await handle.stat();
  if (own.uid !== uid || own.gid !== gid) await handle.chown(uid, gid);
  await handle.chmod(mode & 0o777);
}

function asFailure(error: unknown): CommandFailure {
  return error instanceof CommandFailure
    ? error
    : new CommandFailure(error instanceof Error ? error.message : String(error), { cause: error });
}
