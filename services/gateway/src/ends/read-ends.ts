import { mayRecover, type WebhookDelivery } from '@tessera/contracts';
import type { JobQueue, JobQueues } from '@tessera/queue';
import type { FastifyBaseLogger } from 'fastify';
import type { GatewayMetrics } from '../metrics.js';
import { kindOf, webhookDelivery, webhookId, type EndedJob } from '../webhooks/webhook-message.js';
import { endDurations } from './end-durations.js';

interface EndReading extends JobQueues {
  readonly webhooks: JobQueue<WebhookDelivery>;
  readonly metrics: GatewayMetrics;
  readonly log: FastifyBaseLogger;
}

/**
 * Does for every job that has ended what its end calls for, until the returned function is called: queues its webhook, counts
 * it, and writes its line of the audit log. After a crash an end may be handled again; its webhook is then in the queue already.
 */
export function readEnds({ queue, trainings, webhooks, metrics, log }: EndReading): () => Promise<void> {
  const handle = async (ended: readonly EndedJob[]) => {
    await Promise.all(ended.map((job) => queueWebhook(job, webhooks, log)));
    for (const job of ended) count(job, metrics);
    for (const job of ended) record(job, log);
  };
  const readers = [queue.readEnds(handle), trainings.readEnds(handle)];
  return async () => {
    await Promise.all(readers.map((reader) => reader.close()));
  };
}

/** @throws what another attempt may get over, so that the end comes again */
async function queueWebhook(job: EndedJob, webhooks: JobQueue<WebhookDelivery>, log: FastifyBaseLogger): Promise<void> {
  try {
    const delivery = webhookDelivery(job);
    const { requestId } = job.origin;
    const options = { id: webhookId(job.id), priority: 'normal', origin: { requestId } } as const;
    if (delivery !== null) await webhooks.add(delivery, options);
  } catch (error) {
    if (mayRecover(error)) throw error;
    // It would hold up all ends after it.
    log.error({ job: job.id, reqId: job.origin.requestId, err: error }, 'the webhook of a job cannot be queued');
  }
}

function count(job: EndedJob, { jobsEnded, jobWaitSeconds, jobRunSeconds }: GatewayMetrics): void {
  const kind = kindOf(job);
  const { waitMs, runMs } = endDurations(job);
  jobsEnded.inc({ kind, status: job.status, code: job.error?.code ?? '' });
  if (waitMs !== undefined) jobWaitSeconds.observe({ kind }, waitMs / 1000);
  if (runMs !== undefined) jobRunSeconds.observe({ kind }, runMs / 1000);
}

/** Jobs of clients are at `info`, those with which the service checks itself at `debug`. */
function record(job: EndedJob, log: FastifyBaseLogger): void {
  const { id, status, origin, error } = job;
  const kind = kindOf(job);
  const { requestId: reqId, traceId: trace_id, apiKey } = origin;
  const line = { job: id, reqId, trace_id, kind, status, code: error?.code, apiKey, ...endDurations(job) };
  log[kind === 'canary' ? 'debug' : 'info'](line, 'job ended');
}
