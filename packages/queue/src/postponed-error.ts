import { TesseraError } from '@tessera/contracts';

/** Pause before a job comes again that could not read or store what it needs. */
const storePauseMs = 5_000;

/** Thrown by a handler to have its job again later. It counts as no attempt, and the time until then is at least `delayMs`. */
export class PostponedError extends Error {
  override readonly name = 'PostponedError';
  readonly delayMs: number;

  constructor(delayMs: number) {
    super(`The job comes again in ${delayMs} ms.`);
    this.delayMs = delayMs;
  }
}

/**
 * How long a job is postponed whose handler has thrown this, in milliseconds; undefined when the error counts as a failed
 * attempt. A store that is full or away says nothing about the job: all that wait would fail one after the other.
 */
export function postponementMs(error: unknown): number | undefined {
  if (error instanceof PostponedError) return error.delayMs;
  return TesseraError.isInstance(error) && error.code === 'TSR_QUEUE_UNAVAILABLE' ? storePauseMs : undefined;
}
