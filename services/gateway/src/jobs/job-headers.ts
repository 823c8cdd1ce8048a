import type { JobPriority } from '@tessera/queue';
import type { FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';

/** Request headers with the options of a job. */
export const JobHeaders = Type.Object({
  prefer: Type.Optional(
    Type.String({
      description: '`respond-async`: answer 202 at once. `wait=N`: wait at most N seconds for the result (RFC 7240).',
    }),
  ),
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7e]{1,255}$',
      description:
        'Makes a repeated request safe: the same key with the same body gives the same job, which a client that disconnects does not cancel. Kept as long as results.',
    }),
  ),
  'x-priority': Type.Optional(
    Type.Enum(['high', 'normal', 'low'], { default: 'normal', description: 'Which waiting jobs go first.' }),
  ),
  'x-deadline-ms': Type.Optional(
    Type.String({
      pattern: '^[1-9][0-9]{0,8}$',
      description: 'Milliseconds within which the job has to start; otherwise it is `expired` and never run.',
    }),
  ),
});

/** The queue's options for a request whose headers were validated as {@link JobHeaders}. */
export function jobOptions({ headers: validated }: FastifyRequest): { priority: JobPriority; deadlineMs?: number } {
  const headers = validated as Static<typeof JobHeaders>;
  const deadline = headers['x-deadline-ms'];
  return {
    priority: headers['x-priority'] ?? 'normal',
    ...(deadline === undefined ? {} : { deadlineMs: Number(deadline) }),
  };
}
