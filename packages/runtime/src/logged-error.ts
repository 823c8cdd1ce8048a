import { pino } from 'pino';

/** An error as a log line has it. */
export interface LoggedError {
  readonly type: string;
  /** With the messages of its causes. */
  readonly message: string;
  readonly stack: string;
  readonly code?: string;
}

/**
 * What the log has of an error, its causes included. Other fields are left out: libraries put the arguments of a failed
 * command there, which can be an image, a result or a password.
 */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { type, message, stack } = pino.stdSerializers.err(error);
  const { code } = error as { readonly code?: unknown };
  return { type, message, stack, ...(typeof code === 'string' ? { code } : {}) } satisfies LoggedError;
}
