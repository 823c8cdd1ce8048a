import { randomUUID } from 'node:crypto';
import { TesseraError, type JobOrigin, type SegmentJob, type SegmentResponse } from '@tessera/contracts';
import type { FastifyBaseLogger } from 'fastify';
import type { GatewayContext } from '../context.js';
import { finishedResult } from './answer-with-job.js';
import { lostJob } from './lost-result.js';
import { waitForJob } from './wait-for-job.js';

/** Longest wait for a job: clients of these routes give up earlier. */
const longestWaitMs = 600_000;

/** The request that waits for a job. */
export interface JobAsker {
  /** Aborted when the client has disconnected. */
  readonly client: AbortSignal;
  readonly origin: JobOrigin;
  readonly log: FastifyBaseLogger;
}

/**
 * Queues a segmentation and waits for its result; cancels it when nobody waits any more.
 *
 * @throws TesseraError the job's own error; `TSR_QUEUE_UNAVAILABLE` when the gateway stops first, `TSR_JOB_EXPIRED` after ten
 * minutes; the signal's reason when it is aborted
 */
export async function runSegmentation(
  job: SegmentJob,
  context: GatewayContext,
  { client, origin, log }: JobAsker,
): Promise<SegmentResponse> {
  const { queue, draining } = context;
  client.throwIfAborted();
  const id = randomUUID();
  await queue.add(job, { id, priority: 'normal', origin });
  log.info({ job: id, kind: job.kind }, 'job queued');
  const finished = await waitForJob(queue, id, { timeoutMs: longestWaitMs, isNew: true }, [client, draining]);
  if (finished === null) {
    await queue.cancel(id);
    client.throwIfAborted();
    if (draining.aborted) throw new TesseraError('TSR_QUEUE_UNAVAILABLE', 'The service is stopping.');
    throw new TesseraError('TSR_JOB_EXPIRED', 'The prediction was not ready within ten minutes.');
  }
  const result = await finishedResult(finished, context, log);
  if (result === null) throw lostJob();
  return JSON.parse(result.toString('utf8')) as SegmentResponse;
}
