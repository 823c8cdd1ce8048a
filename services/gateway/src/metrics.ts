import type { WebhookDelivery } from '@tessera/contracts';
import type { JobQueue, JobQueues, WaitingJobs } from '@tessera/queue';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { WorkerDirectory } from './workers/worker-directory.js';

/** How a request stopped waiting for its job. */
export type WaitOutcome = 'succeeded' | 'failed' | 'cancelled' | 'expired' | 'deferred' | 'abandoned';

/** The gateway's metrics, in a registry of their own. Every label has a small, fixed set of values. */
export interface GatewayMetrics {
  readonly registry: Registry;
  readonly requestSeconds: Histogram<'method' | 'route' | 'status'>;
  readonly keyRequests: Counter<'key' | 'status'>;
  readonly keyFileBroken: Gauge;
  readonly waitingRequests: Gauge;
  readonly waits: Counter<'outcome'>;
  readonly imageBytes: Histogram;
  readonly jobsEnded: Counter<'kind' | 'status' | 'code'>;
  readonly jobWaitSeconds: Histogram<'kind'>;
  readonly jobRunSeconds: Histogram<'kind'>;
  readonly webhookAttempts: Counter<'outcome'>;
}

/** Seconds of jobs, from a cached answer to a long training. */
const jobBuckets = [0.01, 0.03, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1_800];

export function createMetrics(
  { queue, trainings, webhooks }: JobQueues & { readonly webhooks: JobQueue<WebhookDelivery> },
  workers: WorkerDirectory,
): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'tessera_queue_jobs',
    help: 'Jobs in the queue by state; absent while the queue cannot be reached',
    labelNames: ['state'],
    registers,
    async collect() {
      this.reset();
      const counts = await queue.counts().catch(() => undefined);
      if (counts === undefined) return;
      for (const state of ['queued', 'running'] as const) this.set({ state }, counts[state]);
    },
  });
  const byPriority = (valueOf: (waiting: WaitingJobs) => number) =>
    async function collect(this: Gauge<'queue' | 'priority'>) {
      const queues = [
        { name: 'requests', jobs: await queue.waiting().catch(() => []) },
        { name: 'trainings', jobs: await trainings.waiting().catch(() => []) },
      ];
      this.reset();
      for (const { name, jobs } of queues) {
        for (const waiting of jobs) this.set({ queue: name, priority: waiting.priority }, valueOf(waiting));
      }
    };
  new Gauge({
    name: 'tessera_queue_waiting_jobs',
    help: 'Jobs that wait for a worker; absent while the queue cannot be reached',
    labelNames: ['queue', 'priority'],
    registers,
    collect: byPriority(({ count }) => count),
  });
  new Gauge({
    name: 'tessera_queue_oldest_seconds',
    help: 'How long the oldest of these jobs has waited; 0 without any',
    labelNames: ['queue', 'priority'],
    registers,
    collect: byPriority(({ oldestMs }) => oldestMs / 1000),
  });
  new Gauge({
    name: 'tessera_webhooks',
    help: 'Webhooks that wait to be sent, for the first time or again (queued), or are being sent (running); absent while the queue cannot be reached',
    labelNames: ['state'],
    registers,
    async collect() {
      this.reset();
      const counts = await webhooks.counts().catch(() => undefined);
      if (counts === undefined) return;
      for (const state of ['queued', 'running'] as const) this.set({ state }, counts[state]);
    },
  });
  new Gauge({
    name: 'tessera_workers',
    help: 'Workers that report themselves',
    registers,
    async collect() {
      const reports = await workers.list().catch(() => []);
      this.set(reports.length);
    },
  });
  new Gauge({
    name: 'tessera_worker_jobs',
    help: 'Jobs of the present workers since their start, by state',
    labelNames: ['state'],
    registers,
    async collect() {
      const reports = await workers.list().catch(() => []);
      for (const state of ['succeeded', 'failed', 'running'] as const) {
        this.set(
          { state },
          reports.reduce((sum, report) => sum + report.jobs[state], 0),
        );
      }
    },
  });
  const webhookAttempts = new Counter({
    name: 'tessera_webhook_attempts_total',
    help: 'Attempts to send a webhook: delivered, gone (410), retried later, or failed for good',
    labelNames: ['outcome'],
    registers,
  });
  // A counter that appears with its first event has not increased, for Prometheus.
  for (const outcome of ['delivered', 'gone', 'retried', 'failed']) webhookAttempts.inc({ outcome }, 0);
  return {
    registry,
    requestSeconds: new Histogram({
      name: 'tessera_http_request_duration_seconds',
      help: 'Time from a request’s first byte to the end of its response',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.015, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    keyRequests: new Counter({
      name: 'tessera_api_key_requests_total',
      help: 'Requests with an API key, by its name',
      labelNames: ['key', 'status'],
      registers,
    }),
    keyFileBroken: new Gauge({
      name: 'tessera_api_keys_file_broken',
      help: '1 while API_KEYS_FILE cannot be used and the keys that were read before stay in force',
      registers,
    }),
    waitingRequests: new Gauge({
      name: 'tessera_http_waiting_requests',
      help: 'Requests that wait for the result of their job',
      registers,
    }),
    waits: new Counter({
      name: 'tessera_http_waits_total',
      help: 'How waiting for a job ended: by the job’s own outcome, deferred to 202, or abandoned by the client',
      labelNames: ['outcome'],
      registers,
    }),
    imageBytes: new Histogram({
      name: 'tessera_image_bytes',
      help: 'Sizes of the images received',
      buckets: [10_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000, 30_000_000],
      registers,
    }),
    jobsEnded: new Counter({
      name: 'tessera_jobs_ended_total',
      help: 'Jobs whose end this gateway has handled, by the code of their error; the sum over all gateways counts every job',
      labelNames: ['kind', 'status', 'code'],
      registers,
    }),
    jobWaitSeconds: new Histogram({
      name: 'tessera_job_wait_seconds',
      help: 'Time from the request for a job to its last start',
      labelNames: ['kind'],
      buckets: jobBuckets,
      registers,
    }),
    jobRunSeconds: new Histogram({
      name: 'tessera_job_run_seconds',
      help: 'Time from the last start of a job to its end',
      labelNames: ['kind'],
      buckets: jobBuckets,
      registers,
    }),
    webhookAttempts,
  };
}
