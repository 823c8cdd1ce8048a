import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { findUnusableText, requireUsableText, unusableText } from '../problems/unusable-text.js';

/**
 * Refuses texts that are no Unicode text, or that the stores cannot hold, wherever they are in a request: in its body,
 * its path or its query string. What is searched is not deep: JSON is bounded before it is parsed.
 */
export function refuseUnusableText(app: GatewayApp): void {
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
