/**
 * What the promise gives, or undefined when that takes longer than `timeoutMs`. What becomes of it afterwards is ignored.
 *
 * @throws what the promise rejects with in time
 */
export function settledWithin<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value | undefined> {
  return orOnTimeout(promise, timeoutMs, () => undefined);
}

/**
 * What the promise gives, within `timeoutMs`. What becomes of it afterwards is ignored.
 *
 * @throws what the promise rejects with in time, else what `timeoutError` makes
 */
export function withTimeout<Value>(
  promise: Promise<Value>,
  timeoutMs: number,
  timeoutError: () => Error,
): Promise<Value> {
  return orOnTimeout(promise, timeoutMs, () => {
    throw timeoutError();
  });
}

/** Parts of a limit; see {@link answeredWithin}. */
const limitParts = 10;

/**
 * What the promise of an answer from elsewhere gives, within `timeoutMs`. A process that is too busy to take an answer must
 * not blame the other side: the limit is made of parts, and however long the event loop is held up, one part passes.
 * What becomes of the promise afterwards is ignored.
 *
 * @throws what the promise rejects with in time, else what `timeoutError` makes
 */
export async function answeredWithin<Value>(
  promise: Promise<Value>,
  timeoutMs: number,
  timeoutError: () => Error,
): Promise<Value> {
  const onTimeout = () => {
    throw timeoutError();
  };
  return await orOnTimeout(promise, timeoutMs, onTimeout, limitParts);
}

/**
 * What the promise gives, unless the signal fires first. What becomes of it afterwards is ignored.
 *
 * @throws what the promise rejects with, else the signal's reason
 */
export async function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return await promise;
  const settled = new AbortController();
  const aborted = new Promise<void>((resolve) => {
    const onAbort = () => {
      resolve();
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true, signal: settled.signal });
  });
  try {
    return await Promise.race([promise, aborted.then(() => Promise.reject(signal.reason as Error))]);
  } finally {
    settled.abort();
  }
}

async function orOnTimeout<Value, Other>(
  promise: Promise<Value>,
  timeoutMs: number,
  onTimeout: () => Other,
  parts = 1,
): Promise<Value | Other> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => {
    let partsLeft = parts;
    timer = setTimeout(() => {
      partsLeft -= 1;
      if (partsLeft > 0) timer?.refresh();
      else resolve();
    }, timeoutMs / parts);
  });
  try {
    return await Promise.race([promise, timeout.then(onTimeout)]);
  } finally {
    clearTimeout(timer);
  }
}
