import { ConnectionError, ServiceError } from '@tessera/client';
import { problemSentence } from './words.js';

/** Why something failed, in words for a person. */
export function reasonOf(error: unknown): string {
  if (error instanceof ServiceError) return problemSentence(error.problem);
  if (error instanceof ConnectionError && error.status === undefined) {
    return 'The service cannot be reached. Check that it is running and that this device is online, then try again.';
  }
  return error instanceof Error ? error.message : String(error);
}
