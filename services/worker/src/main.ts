import '@tessera/runtime/early-signals';
import { openBlobStore } from '@tessera/blob-store';
import { openJobQueues } from '@tessera/queue';
import { runService } from '@tessera/runtime/process';
import { startModels } from './models.js';
import { serveMetrics } from './serve-metrics.js';
import { WorkerMetrics } from './worker-metrics.js';
import { startWorker } from './worker.js';

/** The worker as a process of its own, for clusters. */
await runService({ name: 'worker', needsRedis: true }, async ({ config, log, tracing, onError }) => {
  const metrics = new WorkerMetrics();
  const models = await startModels({ config, log, metrics, tracing });
  const queues = await openJobQueues(config, onError, tracing);
  const blobs = await openBlobStore(config, onError);
  const worker = await startWorker({ config, ...queues, blobs, log, models, metrics, tracing });
  return [worker, await serveMetrics(config, metrics.registry, log), queues, blobs];
});
