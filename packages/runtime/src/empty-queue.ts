import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';

/**
 * Puts a database without jobs into the directory of an embedded queue, unless there is one: creating it takes ten times the
 * work of opening it. `npm test` creates one and names its directory in `EMPTY_QUEUE`; without that the queue creates its own.
 */
export async function provideEmptyQueue(directory: string): Promise<void> {
  const { EMPTY_QUEUE: source } = process.env;
  if (source !== undefined && !existsSync(directory)) await cp(source, directory, { recursive: true });
}
