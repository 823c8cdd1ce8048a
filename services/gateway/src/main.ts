import '@tessera/runtime/early-signals';
import { openBlobStore } from '@tessera/blob-store';
import { openJobQueues } from '@tessera/queue';
import { runService } from '@tessera/runtime/process';
import { createGateway } from './app.js';
import { listen } from './exposure.js';

/** The gateway as a process of its own, for clusters: jobs, results and images travel through Redis. */
await runService({ name: 'gateway', needsRedis: true }, async ({ config, log, tracing, onError }) => {
  const queues = await openJobQueues(config, onError, tracing);
  const blobs = await openBlobStore(config, onError);
  const gateway = await createGateway({ config, ...queues, blobs, logger: log, tracing });
  process.stdout.write(await listen(gateway, config));
  return [gateway, queues, blobs];
});
