/** Enough that side processes have something to do while results are used and inputs are made. */
const preparedAtATime = 4;

/**
 * Uses the items one after the other, in their order; while one is used, the next ones are prepared.
 *
 * @throws what `prepare` or `use` throws; nothing is prepared or used after it
 */
export async function severalAhead<Item, Prepared>(
  items: readonly Item[],
  prepare: (item: Item) => Promise<Prepared>,
  use: (item: Item, prepared: Prepared) => void | Promise<void>,
): Promise<void> {
  const start = (item: Item) => {
    const preparation = prepare(item);
    // Awaited in its turn. When an earlier item fails, its own rejection must not go unhandled.
    preparation.catch(() => undefined);
    return { item, preparation };
  };
  const started = items.slice(0, preparedAtATime).map(start);
  for (const next of items.slice(preparedAtATime)) {
    await useFirst();
    started.push(start(next));
  }
  while (started.length > 0) await useFirst();

  async function useFirst(): Promise<void> {
    const first = started.shift();
    if (first !== undefined) await use(first.item, await first.preparation);
  }
}
