import { TesseraError } from '@tessera/contracts';
import type { JobOutcome } from '@tessera/queue';
import type { FastifyBaseLogger } from 'fastify';
import type { GatewayContext } from '../context.js';

/** A result is stored a moment before its job ends, on a machine with another clock, and expires as much earlier. */
const expirySlackMs = 60_000;

/**
 * Has a job run again that has succeeded and whose result is gone long before it expires. A Redis that crashes may lose the
 * writes of its last seconds, the result among them, before the end of the job is written; files may be removed.
 *
 * @returns whether the job is to be waited for; false when it has no result, the result has expired, or the job was a training
 */
export async function repeatLost(
  { id, resultKey }: Pick<JobOutcome, 'id' | 'resultKey'>,
  { queue, config }: Pick<GatewayContext, 'queue' | 'config'>,
  log: FastifyBaseLogger,
): Promise<boolean> {
  if (resultKey === null) return false;
  const job = await queue.get(id);
  if (job === null) return false;
  // Somebody else has found the loss.
  if (job.status === 'queued' || job.status === 'running') return true;
  const keptMs = config.TESSERA_RESULT_TTL_S * 1000 - expirySlackMs;
  if (job.finishedAt === null || Date.now() - job.finishedAt >= keptMs) return false;
  if (await queue.retry(id, 'succeeded')) {
    log.warn({ job: id }, 'the result of a job was lost, and the job runs again');
    return true;
  }
  // Somebody else was faster.
  const now = await queue.get(id);
  return now !== null && now.finishedAt !== job.finishedAt;
}

/** For a client whose request is still open: it never saw the job, or can't ask for its result. */
export function lostJob(cause?: unknown): TesseraError {
  return new TesseraError('TSR_QUEUE_UNAVAILABLE', 'The job was lost; send the request again.', { cause });
}
