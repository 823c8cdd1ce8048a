import type { IncomingMessage } from 'node:http';
import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

/**
 * Refuses what Node would refuse with an empty answer: a request of HTTP/1.1 without a `host`, for which the server option
 * `requireHostHeader` is off, and one with an expectation other than `100-continue`.
 */
export function checkHttpHeaders(app: GatewayApp): void {
  const unexpected = new WeakSet<IncomingMessage>();
  app.server.on('checkExpectation', (request, response) => {
    unexpected.add(request);
    app.server.emit('request', request, response);
  });
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    if (unexpected.has(raw)) {
      throw new TesseraError('TSR_EXPECTATION_FAILED', 'The expect header is not 100-continue.');
    }
    if (raw.httpVersion === '1.1' && raw.headers.host === undefined) {
      throw new TesseraError('TSR_VALIDATION', 'The request has no host header.');
    }
    done();
  });
}
