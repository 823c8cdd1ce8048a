import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyBaseLogger, FastifyHttpOptions } from 'fastify';
import type { Server } from 'node:http';
import { ConfigError, type Config } from '@tessera/contracts';
import { answerClientError } from './problems/client-error.js';
import { refusalHeaders } from './problems/refusal-headers.js';
import { logSerializers, TracedLogController } from './request-log.js';

/** Longest time in which a whole request, body included, has to arrive. */
export const requestTimeoutMs = 60_000;
/** The same for a request that uploads an archive. */
export const uploadTimeoutMs = 3_600_000;
const headersTimeoutMs = 15_000;
/** Longer than the idle timeouts of common load balancers, so that they close first. */
const keepAliveTimeoutMs = 72_000;

const saneRequestId = /^[A-Za-z0-9._-]{1,64}$/;

/** Bytes that a request body may have. */
export function bodyLimitBytes(config: Config): number {
  return config.TESSERA_MAX_BODY_MB * 1_000_000;
}

/** Options of the Fastify server: limits, timeouts, request ids and a validator that neither drops nor converts. */
export function serverOptions(
  config: Config,
  logger: FastifyBaseLogger,
  isTraced: boolean,
): FastifyHttpOptions<Server> {
  const headersOfRefusals = refusalHeaders(config);
  return {
    loggerInstance: logger.child({}, { serializers: logSerializers }),
    ...(isTraced ? { logController: new TracedLogController() } : {}),
    ...(config.TRUST_PROXY.length === 0 ? {} : { trustProxy: config.TRUST_PROXY.map(requireNetwork) }),
    bodyLimit: bodyLimitBytes(config),
    // Node has one limit for all routes; those with less time are ended by a plugin.
    requestTimeout: uploadTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    http: { headersTimeout: headersTimeoutMs, connectionsCheckingInterval: 5_000, requireHostHeader: false },
    forceCloseConnections: 'idle',
    // Requests that arrive on open connections while the server drains are still answered, with `connection: close`.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: (request) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && saneRequestId.test(given) ? given : randomUUID();
    },
    routerOptions: { maxParamLength: 200 },
    clientErrorHandler: (error, socket) => {
      answerClientError(error, socket, headersOfRefusals);
    },
    // One finding is enough to refuse a body; a hostile body could have millions.
    ajv: {
      customOptions: {
        removeAdditional: false,
        coerceTypes: false,
        allErrors: false,
        useDefaults: true,
        // Marks values of the API that may change in any version; nothing to validate.
        keywords: ['x-experimental'],
      },
    },
  };
}

/** @throws ConfigError unless it is an address, or a network of them; that of all addresses would let anyone choose one */
function requireNetwork(text: string): string {
  const [address = '', bits] = text.split('/');
  const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  if (longest > 0 && (bits === undefined || (Number(bits) >= 1 && Number(bits) <= longest))) return text;
  throw new ConfigError(`TRUST_PROXY: ${text} is neither an address nor a network.`);
}
