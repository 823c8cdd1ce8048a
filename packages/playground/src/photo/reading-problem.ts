import { reasonOf } from '../page/reason.js';

/** Why a file of the person's cannot be read; undefined for one that can. */
export async function readingProblem(file: Blob, name: string): Promise<string | undefined> {
  // A file that is gone counts as empty, and a beginning of it can be read.
  const part = file.size === 0 ? file : file.slice(0, 1);
  return part.arrayBuffer().then(
    () => undefined,
    (error: unknown) => `${name} cannot be read. ${reasonOf(error)}`,
  );
}
