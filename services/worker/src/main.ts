import { openBlobStore } from '@tessera/blob-store';
import { openJobQueues } from '@tessera/queue';
import { runService } from '@tessera/runtime/process';
import { startModels } from './models.js';
import { startWorker } from './worker.js';

/** The worker as a process of its own, for clusters. */
await runService({ name: 'worker', needsRedis: true }, async ({ config, log, onError }) => {
  const models = await startModels(config, log);
  const queues = await openJobQueues(config, onError);
  const blobs = await openBlobStore(config, onError);
  return [await startWorker({ config, ...queues, blobs, log, models }), queues, blobs];
});
