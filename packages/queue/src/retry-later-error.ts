/**
 * Thrown by a handler whose job has failed and is not to be tried again before `delayMs` have passed. The attempt counts, and
 * the job fails with the cause after the last one.
 */
export class RetryLaterError extends Error {
  override readonly name = 'RetryLaterError';
  readonly delayMs: number;

  constructor(delayMs: number, cause: Error) {
    super(cause.message, { cause });
    this.delayMs = delayMs;
  }
}
