/** The command was called in a way that cannot work; the message names what to change. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command was called rightly and did not do all it should; the message says what. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
