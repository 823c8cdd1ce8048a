import { runService } from '@tessera/service';
import { createGateway } from './app.js';

/** The gateway as a process of its own, for clusters: jobs, results and images travel through Redis. */
await runService({ name: 'gateway', needsRedis: true }, async (context) => {
  const gateway = await createGateway({ ...context, logger: context.log });
  await gateway.listen({ host: context.config.HOST, port: context.config.PORT });
  return gateway;
});
