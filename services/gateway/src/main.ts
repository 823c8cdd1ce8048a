import { openBlobStore } from '@tessera/blob-store';
import { openJobQueues } from '@tessera/queue';
import { runService } from '@tessera/runtime/process';
import { createGateway } from './app.js';

/** The gateway as a process of its own, for clusters: jobs, results and images travel through Redis. */
await runService({ name: 'gateway', needsRedis: true }, async ({ config, log, onError }) => {
  const queues = await openJobQueues(config, onError);
  const blobs = await openBlobStore(config, onError);
  const gateway = await createGateway({ config, ...queues, blobs, logger: log });
  await gateway.listen({ host: config.HOST, port: config.PORT });
  return [gateway, queues, blobs];
});
