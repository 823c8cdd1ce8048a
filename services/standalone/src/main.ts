import { createGateway } from '@tessera/gateway';
import { runService } from '@tessera/service';
import { startWorker } from '@tessera/worker';

/** Gateway and worker in one process: what `npm start` runs. */
await runService({ name: 'tessera', needsRedis: false }, async (context) => {
  const gateway = await createGateway({ ...context, logger: context.log });
  const url = await gateway.listen({ host: context.config.HOST, port: context.config.PORT });
  const worker = await startWorker(context);
  process.stdout.write(`\nTessera is ready: ${url}   (try it at ${url}/docs)\n\n`);
  return {
    async close() {
      // The worker goes on while the gateway waits for the results of open requests; both share one drain time.
      const drainedAt = performance.now() + context.config.TESSERA_DRAIN_S * 1000;
      await gateway.close();
      await worker.close(Math.max(0, drainedAt - performance.now()));
    },
  };
});
