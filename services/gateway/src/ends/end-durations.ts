import type { EndedJob } from '../webhooks/webhook-message.js';

/** How long a job waited for its last start, and ran after it (milliseconds); undefined for one that never started. */
export function endDurations({ createdAt, startedAt, finishedAt }: EndedJob): { waitMs?: number; runMs?: number } {
  if (startedAt === null || finishedAt === null) return {};
  // Worker and gateway may run on machines whose clocks differ.
  return { waitMs: Math.max(0, startedAt - createdAt), runMs: Math.max(0, finishedAt - startedAt) };
}
