import { ServiceError } from '@tessera/client';
import { problemSentence } from '../page/words.js';

/** Which of several queries the service refuses, by their places, and why; none when it refuses more than queries. */
export function refusedQueries(error: unknown): ReadonlyMap<number, string> {
  const refused = new Map<number, string>();
  if (!(error instanceof ServiceError)) return refused;
  for (const field of error.problem.errors ?? []) {
    const { pointer, message } = field;
    const [, place] = /^\/queries\/(\d+)$/.exec(pointer) ?? [];
    if (place === undefined) return new Map();
    refused.set(
      Number(place),
      problemSentence({ ...error.problem, detail: `${pointer} ${message}.`, errors: [field] }),
    );
  }
  return refused;
}
