import { cpSync, existsSync } from 'node:fs';

/**
 * Puts a database without jobs into the directory of an embedded queue, unless there is one: creating it takes ten times the
 * work of opening it. `npm test` creates one and names its directory in `EMPTY_QUEUE`; without that the queue creates its own.
 */
export function provideEmptyQueue(directory: string): void {
  const { EMPTY_QUEUE: source } = process.env;
  // A promise for each of its thousand files would be three times the work.
  if (source !== undefined && !existsSync(directory)) cpSync(source, directory, { recursive: true });
}
