import '@tessera/runtime/early-signals';
import { openBlobStore } from '@tessera/blob-store';
import { createGateway, listen, requireFreePort } from '@tessera/gateway';
import { openJobQueues } from '@tessera/queue';
import { runService } from '@tessera/runtime/process';
import { startModels, startWorker, WorkerMetrics } from '@tessera/worker';

/** Gateway and worker in one process: what `npm start` runs. */
await runService({ name: 'tessera', needsRedis: false }, async ({ config, log, tracing, onError }) => {
  await requireFreePort(config);
  // Opening the database keeps this process busy for a moment, in which the models load in another one.
  const metrics = new WorkerMetrics();
  const models = await startModels({ config, log, metrics, tracing });
  const queues = await openJobQueues(config, onError, tracing);
  const blobs = await openBlobStore(config, onError);
  const gateway = await createGateway({
    config,
    ...queues,
    blobs,
    logger: log,
    tracing,
    workerMetrics: metrics.registry,
  });
  const readyLine = await listen(gateway, config);
  const worker = await startWorker({ config, ...queues, blobs, log, models, metrics, tracing });
  process.stdout.write(readyLine);
  const gatewayAndWorker = {
    async close() {
      // The worker goes on while the gateway waits for the results of open requests; both share one drain time.
      const drainedAt = performance.now() + config.TESSERA_DRAIN_S * 1000;
      await gateway.close();
      await worker.close(Math.max(0, drainedAt - performance.now()));
    },
  };
  return [gatewayAndWorker, queues, blobs];
});
