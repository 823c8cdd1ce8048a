import { ConnectionError, ServiceError } from '@tessera/client';
import { CommandFailure, UsageError } from './command-errors.js';

/** An error in the words of whoever uses the command line. */
export function explain(error: unknown): string {
  if (ServiceError.isInstance(error)) {
    const places = (error.problem.errors ?? []).map(({ pointer, message }) => `\n  ${pointer} ${message}`);
    return `${error.code}: ${error.message}${places.join('')}`;
  }
  if (ConnectionError.isInstance(error)) {
    return error.status === undefined
      ? `${error.message} Start a service with \`tessera serve\`, or name another one with --url.`
      : error.message;
  }
  if (error instanceof UsageError || error instanceof CommandFailure) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
