import { ServiceError } from '@tessera/client';
import { problemSentence } from './words.js';

/** Why something failed, in words for a person. */
export function reasonOf(error: unknown): string {
  if (error instanceof ServiceError) return problemSentence(error.problem);
  return error instanceof Error ? error.message : String(error);
}
