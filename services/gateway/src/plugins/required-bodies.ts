import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { announcesBody } from './lingering-close.js';

/** Refuses requests without a body to the routes of `app` that take one: all but those that read or delete. */
export function requireBodies(app: GatewayApp): void {
  app.addHook('onRequest', ({ method, raw }, _reply, done) => {
    const takesBody = method === 'POST' || method === 'PUT';
    if (!takesBody || announcesBody(raw)) done();
    else done(new TesseraError('TSR_BODY_INVALID', 'The body is missing; /docs shows what this route takes.'));
  });
  app.addHook('preHandler', ({ body }, _reply, done) => {
    // A chunked body may turn out to be empty; other kinds than bytes are refused by their parsers then.
    if (Buffer.isBuffer(body) && body.length === 0) done(new TesseraError('TSR_BODY_INVALID', 'The body is empty.'));
    else done();
  });
}
