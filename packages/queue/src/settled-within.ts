import { setTimeout as delay } from 'node:timers/promises';

/** Waits for the promise, but no longer than the time given. */
export async function settledWithin(promise: Promise<unknown>, timeoutMs: number): Promise<void> {
  const timer = new AbortController();
  await Promise.race([promise, delay(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
  timer.abort();
}
