/** Thrown by a handler to have its job again later. It counts as no attempt, and the time until then is at least `delayMs`. */
export class PostponedError extends Error {
  override readonly name = 'PostponedError';
  readonly delayMs: number;

  constructor(delayMs: number) {
    super(`The job comes again in ${delayMs} ms.`);
    this.delayMs = delayMs;
  }
}
