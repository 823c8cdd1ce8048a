import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '@tessera/contracts';
import type { Logger } from 'pino';
import { collectDefaultMetrics, type Registry } from 'prom-client';

/**
 * Answers `GET /metrics` on `TESSERA_METRICS_PORT`, with the metrics of the process among them, until closed; nothing without
 * a port.
 *
 * @throws Error when the port is taken
 */
export async function serveMetrics(
  { TESSERA_METRICS_PORT: port, HOST: host }: Config,
  registry: Registry,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  if (port === undefined) return { close: () => Promise.resolve() };
  collectDefaultMetrics({ register: registry });
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/metrics') {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
      (error: unknown) => {
        log.error({ err: error }, 'metrics could not be collected');
        response.writeHead(500).end();
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, host, resolve);
  });
  log.info({ port: (server.address() as AddressInfo).port }, 'metrics are served');
  return {
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
