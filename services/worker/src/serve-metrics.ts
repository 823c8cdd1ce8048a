import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Config } from '@tessera/contracts';
import { exposureWarning, warnOfExposure } from '@tessera/runtime/process';
import type { Logger } from 'pino';
import { collectDefaultMetrics, type Registry } from 'prom-client';

const risk = 'read the metrics of this worker, which ask for no key';
const advice = 'Let nothing but Prometheus reach TESSERA_METRICS_PORT, or set HOST=127.0.0.1 for this machine alone.';

/**
 * Answers `GET /metrics` on `TESSERA_METRICS_PORT`, with the metrics of the process among them, until closed; nothing without
 * a port. They ask for no key, which it warns about where others reach them.
 *
 * @throws Error when the port is taken
 */
export async function serveMetrics(
  config: Config,
  registry: Registry,
  log: Logger,
): Promise<{ close(): Promise<void> }> {
  const { TESSERA_METRICS_PORT: port, HOST: host } = config;
  if (port === undefined) return { close: () => Promise.resolve() };
  const warning = await exposureWarning(config, risk);
  if (warning !== undefined) warnOfExposure(log, warning, advice);
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
