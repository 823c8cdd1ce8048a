import { isUtf8 } from 'node:buffer';
import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { requireBoundedJson } from '../intake/bounded-json.js';

/** What routes with {@link acceptImageBodies} take, in words. */
export const imageBodyTypes = 'application/json, multipart/form-data or image/…';

/** Accepts images as bodies of the routes of `app`: their first bytes show the format, whatever type they are sent as. */
export function acceptImageBodies(app: GatewayApp): void {
  for (const type of [/^image\//i, 'application/octet-stream']) {
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body);
    });
  }
}

/** Parses the JSON of every route, those that take no body included: in UTF-8, and neither too deep nor too much of it. */
export function boundJson(app: GatewayApp): void {
  const parseJson = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (!isUtf8(body)) throw new TesseraError('TSR_BODY_INVALID', 'The body is not valid UTF-8.');
    requireBoundedJson(body);
    void parseJson(request, body.toString('utf8'), done);
  });
}

/** Accepts JSON and forms alone: no plain text, and no compressed bodies, which could expand without a limit. */
export function acceptPlainBodies(app: GatewayApp): void {
  app.removeContentTypeParser('text/plain');
  app.addHook('onRequest', (request, _reply, done) => {
    const encoding = request.headers['content-encoding'];
    if (encoding === undefined || encoding === 'identity') done();
    else done(new TesseraError('TSR_MEDIA_TYPE_UNSUPPORTED', 'The body must not have a content-encoding.'));
  });
}
