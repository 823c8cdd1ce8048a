import { requireMatch, versionMismatch } from '@tessera/contracts';
import type { JobHandler } from '@tessera/queue';
import type { Static, TSchema } from 'typebox';

/**
 * A handler that is given jobs which match the schema of their kind alone. What a gateway of another version queued
 * otherwise fails for good, and says so.
 *
 * @param kinds - the jobs that the queue carries, by their kind
 */
export function checkedJobs<Kinds extends Readonly<Record<string, TSchema>>>(
  kinds: Kinds,
  handle: JobHandler<Static<Kinds[keyof Kinds]>>,
): JobHandler<unknown> {
  return async (job) => {
    const { kind } = (job.data ?? {}) as { readonly kind?: unknown };
    if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) {
      throw versionMismatch(
        `This worker knows no jobs of the kind ${kind === undefined ? 'undefined' : JSON.stringify(kind)}`,
      );
    }
    const schema = kinds[kind as keyof Kinds];
    return handle({ ...job, data: requireMatch(schema, job.data, `The ${kind} job`) });
  };
}
