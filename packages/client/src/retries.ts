import { ConnectionError, ServiceError } from './service-error.js';

const firstPauseMs = 250;
const longestPauseMs = 30_000;
/** A service that asks to wait for longer has its error passed on instead. */
const longestRetryAfterMs = 60_000;

/** Statuses of a service or a proxy that is overloaded or away for now. */
const passingStatuses = new Set([429, 502, 503, 504]);

/**
 * Whether the service may answer when it is asked again later: it could not be reached, is not ready, or its queue is
 * full. A job that missed its deadline (504) would miss it again.
 */
export function mayPass(error: unknown): boolean {
  if (ServiceError.isInstance(error)) return error.status === 429 || error.status === 503;
  return ConnectionError.isInstance(error) && (error.status === undefined || passingStatuses.has(error.status));
}

/**
 * Milliseconds before the next attempt, or undefined when there should be none: exponential back-off, between half and
 * all of it so that clients do not come back together, after what the service asks for.
 *
 * @param attempt - failed attempts before this one
 * @param random - in [0, 1)
 */
export function pauseMs(error: unknown, attempt: number, random = Math.random()): number | undefined {
  if (!mayPass(error)) return undefined;
  const { retryAfterMs = 0 } = error as ServiceError | ConnectionError;
  if (retryAfterMs > longestRetryAfterMs) return undefined;
  const backOffMs = Math.min(longestPauseMs, firstPauseMs * 2 ** attempt);
  return retryAfterMs + backOffMs * (0.5 + 0.5 * random);
}

/** Waits, unless the signal is aborted; then it rejects with the signal's reason. */
export function pause(durationMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, durationMs);
    if (signal?.aborted === true) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

/** What `work` gives, unless the signal is aborted before; then it rejects with the signal's reason, and the work goes on. */
export function unlessAborted<Result>(work: Promise<Result>, signal?: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', abort, { once: true });
    void work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort));
  });
}
