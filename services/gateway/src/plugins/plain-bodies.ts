import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';

/** Accepts JSON and forms alone: no plain text, and no compressed bodies, which could expand without a limit. */
export function acceptPlainBodies(app: GatewayApp): void {
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', (request, _reply, done) => {
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') done();
    else done(new TesseraError('TSR_MEDIA_TYPE_UNSUPPORTED', 'The body must not have a content-encoding.'));
  });
}
