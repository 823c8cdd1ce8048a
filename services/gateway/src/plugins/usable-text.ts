import { isUtf8 } from 'node:buffer';
import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { pathOf } from '../request-log.js';
import { findUnusableText, requireUsableText, unusableText } from '../problems/unusable-text.js';

/**
 * Refuses texts that are no Unicode text, or that the stores cannot hold, wherever they are in a request: in its body,
 * its path or its query string. What is searched is not deep: JSON is bounded before it is parsed.
 */
export function refuseUnusableText(app: GatewayApp): void {
  app.addHook('onRequest', ({ url }, _reply, done) => {
    const isReadable = isUtf8Query(url.slice(pathOf(url).length));
    done(isReadable ? undefined : new TesseraError('TSR_VALIDATION', 'The query string is not percent-encoded UTF-8.'));
  });
  app.addHook('preHandler', (request, _reply, done) => {
    const { body, params, query } = request;
    requireUsableText(body);
    for (const [place, values] of Object.entries({ path: params, 'query string': query })) {
      const pointer = findUnusableText(values);
      if (pointer !== undefined) {
        throw new TesseraError('TSR_VALIDATION', `${pointer.slice(1)} in the ${place} ${unusableText}.`);
      }
    }
    done();
  });
}

/** Whether the percent escapes of a query string are of UTF-8, and nothing but ASCII is beside them; a lone % is a text. */
function isUtf8Query(query: string): boolean {
  if (/[\u0080-\uffff]/.test(query)) return false;
  const bytes = query.replace(/%([0-9a-f]{2})/gi, (_escape, hexadecimal: string) =>
    String.fromCharCode(parseInt(hexadecimal, 16)),
  );
  return isUtf8(Buffer.from(bytes, 'latin1'));
}
