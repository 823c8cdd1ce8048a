import { randomUUID } from 'node:crypto';
import { openBlobCache, type BlobStore } from '@tessera/blob-store';
import { jobKinds, TesseraError, type Config, type WorkerReport } from '@tessera/contracts';
import type { InferenceRunner } from '@tessera/inference';
import type { JobHandler, JobQueues, RunningJob } from '@tessera/queue';
import { noTracing, type Tracing } from '@tessera/tracing';
import type { Logger } from 'pino';
import { EmbeddingCache } from './embedding-cache.js';
import { checkedJobs } from './checked-job.js';
import { startHeartbeat } from './heartbeat.js';
import { jobContext, type JobLabels } from './job-context.js';
import { createJobHandler } from './job-handler.js';
import type { StartedModels } from './models.js';
import type { WorkerMetrics } from './worker-metrics.js';
import { createTrainingHandler } from './training-handler.js';

/** How often the jobs at a time are fitted to the processes that run. */
const adaptIntervalMs = 500;

/** Queues and blob store stay open when the worker closes: they belong to the caller. */
export interface WorkerOptions extends JobQueues {
  readonly config: Config;
  readonly blobs: BlobStore;
  readonly log: Logger;
  readonly models: StartedModels;
  readonly metrics: WorkerMetrics;
  /** Off by default. */
  readonly tracing?: Tracing;
}

export interface Worker {
  /** Takes no more jobs, finishes the running ones within the time (the rest go back to the queue), and ends. */
  close(drainMs?: number): Promise<void>;
}

/**
 * Waits for the models, then claims jobs until closed. Nothing is claimed before every model has run once.
 *
 * @throws BundleError, InferenceStartError or Error when a model cannot be served
 */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { config, queue, trainings, blobs, log, metrics, tracing = noTracing } = options;
  const models = await options.models.ready;
  const cacheBlobs = await openBlobCache(config, (error) => {
    log.warn({ err: error }, 'the connection to the embedding cache failed');
  });
  const cache = cacheBlobs && new EmbeddingCache(cacheBlobs, metrics, log);
  const counts = { succeeded: 0, failed: 0 };
  const id = randomUUID();
  const startedAt = new Date().toISOString();
  const processor = queue.process(
    counted(checkedJobs(jobKinds.requests, createJobHandler(config, models, { blobs, metrics, tracing, cache }))),
    {
      concurrency: config.TESSERA_CONCURRENCY ?? jobsAtOnce(models.runner),
    },
  );
  // Side processes come and go with the load.
  const adapting =
    config.TESSERA_CONCURRENCY === undefined
      ? setInterval(() => {
          processor.concurrency = jobsAtOnce(models.runner);
        }, adaptIntervalMs).unref()
      : undefined;
  // A worker without a model to train for leaves the trainings to others.
  const trainer =
    models.composition.descriptions.length === 0
      ? undefined
      : trainings.process(
          counted(checkedJobs(jobKinds.trainings, createTrainingHandler(config, models.composition, blobs))),
          { concurrency: 1 },
        );
  const runningJobs = () => processor.runningJobs + (trainer?.runningJobs ?? 0);
  metrics.follow(() => models.runner.devices, runningJobs);
  const report = (): WorkerReport => ({
    id,
    started_at: startedAt,
    execution_provider: executionProvider(models.runner),
    devices: models.runner.devices.map(({ id, ready }) => ({ id, ready })),
    models: [...models.segmentation.descriptions, ...models.composition.descriptions],
    jobs: { ...counts, running: runningJobs() },
    inference_restarts: models.runner.devices.reduce((sum, { restarts }) => sum + restarts, 0),
  });
  const heartbeat = await startHeartbeat(blobs, log, report);
  log.info({ worker: id, executionProvider: executionProvider(models.runner) }, 'worker is ready');

  return {
    async close(drainMs = config.TESSERA_DRAIN_S * 1000) {
      clearInterval(adapting);
      await Promise.all([processor.drain(drainMs), trainer?.drain(drainMs)]);
      await heartbeat.stop();
      await cache?.close();
      // Nobody waits for the runs that are left: their jobs were handed back.
      await models.runner.close(0);
    },
  };

  /** Counts and logs the outcome of every attempt, and gives what works for it the labels of the job. */
  function counted<Data>(handle: JobHandler<Data>): JobHandler<Data> {
    return (job) => {
      const kind = kindOf(job.data);
      const labels: JobLabels = {
        job: job.id,
        ...(job.requestId === undefined ? {} : { reqId: job.requestId }),
        ...tracing.ids(),
      };
      return jobContext.run({ labels, tracesRuns: kind !== 'train-vocabulary' }, () => attempt(job, kind, labels));
    };

    async function attempt(job: RunningJob<Data>, kind: string, labels: JobLabels): Promise<string> {
      const span = tracing.current();
      span.set({ 'tessera.job.kind': kind, 'tessera.job.attempt': job.attempt, 'tessera.request.id': job.requestId });
      try {
        const key = await handle(job);
        counts.succeeded += 1;
        metrics.attempts.inc({ kind, outcome: 'succeeded', code: '' });
        log.debug({ ...labels, attempt: job.attempt }, 'job succeeded');
        return key;
      } catch (error) {
        if (job.signal.aborted) metrics.attempts.inc({ kind, outcome: 'interrupted', code: '' });
        else {
          counts.failed += 1;
          const { code, status } = TesseraError.from(error);
          metrics.attempts.inc({ kind, outcome: 'failed', code });
          span.set({ 'error.type': code });
          if (status >= 500) span.fail(error);
          log[status < 500 ? 'info' : 'error']({ ...labels, attempt: job.attempt, err: error }, 'job failed');
        }
        throw error;
      }
    }
  }
}

/** One of the kinds that this worker knows, so that a gateway of another version adds no labels. */
function kindOf(data: unknown): string {
  const { kind } = (data ?? {}) as { readonly kind?: unknown };
  const known = [...Object.keys(jobKinds.requests), ...Object.keys(jobKinds.trainings)];
  return known.find((name) => name === kind) ?? 'unknown';
}

/** While a batch runs on each device, or a run in each side process, the jobs of the next one are prepared. */
function jobsAtOnce({ devices }: InferenceRunner): number {
  return devices.reduce((jobs, { maxBatch, sidePids = [] }) => jobs + Math.max(2 * maxBatch, sidePids.length + 1), 0);
}

function executionProvider({ devices }: InferenceRunner): string {
  return [...new Set(devices.map((device) => device.executionProvider))].join(', ');
}
