/** The command was called in a way that cannot work; the message names what to change. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
