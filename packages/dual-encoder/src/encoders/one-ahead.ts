/**
 * Uses the items one after the other, in their order; while one is used, the next one is prepared.
 *
 * @throws what `prepare` or `use` throws; nothing is prepared or used after it
 */
export async function oneAhead<Item, Prepared>(
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
  const [first, ...others] = items;
  if (first === undefined) return;
  let current = start(first);
  for (const next of others) {
    const prepared = await current.preparation;
    const { item } = current;
    current = start(next);
    await use(item, prepared);
  }
  await use(current.item, await current.preparation);
}
