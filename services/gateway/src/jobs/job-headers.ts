import type { JobPriority } from '@tessera/queue';
import Type, { type Static } from 'typebox';

/** Request headers that say how a job is to be run. */
export const JobHeaders = Type.Object({
  prefer: Type.Optional(
    Type.String({
      description: '`respond-async`: answer 202 at once. `wait=N`: wait at most N seconds for the result (RFC 7240).',
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

/** The queue's options for a request with these headers. */
export function jobOptions(headers: Static<typeof JobHeaders>): { priority: JobPriority; deadlineMs?: number } {
  const deadline = headers['x-deadline-ms'];
  return {
    priority: headers['x-priority'] ?? 'normal',
    ...(deadline === undefined ? {} : { deadlineMs: Number(deadline) }),
  };
}
