import { isIP } from 'node:net';
import { type Config, TesseraError } from '@tessera/contracts';
import { isLoopback } from '@tessera/runtime/process';
import type { GatewayApp } from '../context.js';

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Keeps the pages of other sites, which any browser of this machine may have open, from using a service without API
 * keys. Their forms and scripts may send requests that change something, though they cannot read the answers: such
 * requests carry an `origin`, which has to be the service's own or an allowed one. And a site whose name resolves to
 * the loopback address (DNS rebinding) would be the service's own origin: a service that listens on loopback therefore
 * answers to addresses, to names of the local network and to allowed ones only.
 */
export async function refuseForeignPages(app: GatewayApp, config: Config): Promise<void> {
  const origins = new Set(config.TESSERA_CORS_ORIGINS);
  if (config.API_KEYS.length > 0 || config.API_KEYS_FILE !== undefined || origins.has('*')) return;
  const names = new Set([config.HOST, ...config.TESSERA_ALLOWED_HOSTS].map((name) => name.toLowerCase()));
  const local = await isLoopback(config.HOST);

  app.addHook('onRequest', ({ method, host, hostname, headers: { origin } }, _reply, done) => {
    if (local && !isLocalName(hostname) && !names.has(hostname.toLowerCase())) {
      throw new TesseraError(
        'TSR_FOREIGN_PAGE',
        'The service listens on loopback and is not known by the host name of the request. ' +
          'When a proxy is in front, list the name in TESSERA_ALLOWED_HOSTS.',
      );
    }
    if (origin !== undefined && !readingMethods.has(method) && !origins.has(origin) && hostOf(origin) !== host) {
      throw new TesseraError(
        'TSR_FOREIGN_PAGE',
        'The origin of the request is another site. List it in TESSERA_CORS_ORIGINS when its pages may use the service.',
      );
    }
    done();
  });
}

/** Whether no site of the internet has the name: an address, a name without a dot, one of this machine (RFC 6761). */
function isLocalName(name: string): boolean {
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || /^[^.]*$|\.localhost\.?$/i.test(name);
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
