import type { WebhookDelivery } from '@tessera/contracts';
import type { JobQueue, JobQueues } from '@tessera/queue';
import type { FastifyBaseLogger } from 'fastify';
import type { GatewayMetrics } from '../metrics.js';
import { webhookDelivery, webhookId, type EndedJob } from '../webhooks/webhook-message.js';
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
    await Promise.all(ended.map((job) => queueWebhook(job, webhooks)));
    for (const job of ended) count(job, metrics);
    for (const job of ended) record(job, log);
  };
  const readers = [queue.readEnds(handle), trainings.readEnds(handle)];
  return async () => {
    await Promise.all(readers.map((reader) => reader.close()));
  };
}

async function queueWebhook(job: EndedJob, webhooks: JobQueue<WebhookDelivery>): Promise<void> {
  const delivery = webhookDelivery(job);
  if (delivery !== null) await webhooks.add(delivery, { id: webhookId(job.id), priority: 'normal' });
}

function count(job: EndedJob, { jobsEnded, jobWaitSeconds, jobRunSeconds }: GatewayMetrics): void {
  const { kind } = job.data;
  const { waitMs, runMs } = endDurations(job);
  jobsEnded.inc({ kind, status: job.status, code: job.error?.code ?? '' });
  if (waitMs !== undefined) jobWaitSeconds.observe({ kind }, waitMs / 1000);
  if (runMs !== undefined) jobRunSeconds.observe({ kind }, runMs / 1000);
}

/** Jobs of clients are at `info`, those with which the service checks itself at `debug`. */
function record(job: EndedJob, log: FastifyBaseLogger): void {
  const { id, status, data, origin, error } = job;
  const line = { job: id, kind: data.kind, status, code: error?.code, apiKey: origin.apiKey, ...endDurations(job) };
  log[data.kind === 'canary' ? 'debug' : 'info'](line, 'job ended');
}
