import { requireMatch, versionMismatch } from '@tessera/contracts';
import type { JobHandler } from '@tessera/queue';
import type { Static, TSchema } from 'typebox';

/**
 * A handler that only gets jobs that match the schema of their kind. Jobs of other forms, as a gateway of another version
 * may queue them, fail for good with an error that names the mismatch.
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
