import { TesseraError } from '@tessera/contracts';

/**
 * Processes the items as they come, at most `limit` at the same time. When one fails no further item is started, and the
 * error is thrown once those that were started have ended.
 */
export async function severalAtOnce<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  limit: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  try {
    for await (const item of items) {
      const task = work(item)
        .catch((error: unknown) => {
          failures.push(error);
        })
        .finally(() => running.delete(task));
      running.add(task);
      if (running.size >= limit) await Promise.race(running);
      if (failures.length > 0) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failures.length > 0) throw failures[0];
}

/** The work of one field; its errors point to the field. */
export async function at<Result>(pointer: string, work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!TesseraError.isInstance(error) || error.fields.length > 0) throw error;
    throw new TesseraError(error.code, error.message, { cause: error, fields: [{ pointer, message: error.message }] });
  }
}
