import type { FastifyReply, FastifyRequest } from 'fastify';
import { TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { problemDetails, problemMediaType, retryAfterSeconds } from '../problems/problem-details.js';
import { translateError } from '../problems/translate-error.js';
import { pathOf } from '../request-log.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Content types that the route takes, in words; none where it takes no body. */
    bodyTypes?: string;
  }
}

/** Paths of the Open Inference Protocol, those that do not exist included. */
const protocolPath = /^\/v2(?:\/|$)/;

/**
 * Makes every error, thrown anywhere, an `application/problem+json` response; 5xx causes go to the log alone. Call it before any route
 * is added: a plugin that is loaded before has answers of its own.
 */
export function addProblemResponses(app: GatewayApp): void {
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  // Routes that serve files call it for those that are missing; the hook has run by then, with the route found.
  app.setNotFoundHandler((request, reply) => sendProblem(routeNotFound(), request, reply));
}

/** Refuses paths that do not exist before the body is read. */
export function refuseUnknownPaths(app: GatewayApp): void {
  app.addHook('onRequest', (request, _reply, done) => {
    done(request.is404 ? routeNotFound() : undefined);
  });
}

function routeNotFound(): TesseraError {
  return new TesseraError('TSR_ROUTE_NOT_FOUND', 'There is nothing at this path.');
}

/** Of the error about a range that the file does not have: its size. */
type SizeHeaders = Readonly<Record<string, string>>;

/** Makes a path that is refused as one of a file, such as one with a backslash, a file that is not there. */
export function hideRefusedPaths(files: GatewayApp): void {
  files.setErrorHandler((error, request, reply) => {
    const { statusCode, headers = {} } = error as { readonly statusCode?: number; readonly headers?: SizeHeaders };
    if (statusCode === 416) reply.headers({ ...headers, 'cache-control': 'no-store' });
    return sendProblem(statusCode === 400 || statusCode === 403 ? routeNotFound() : error, request, reply);
  });
}

/**
 * Answers a request with the problem details of an error; below `/v2` with the `error` that the Open Inference Protocol asks
 * for beside them.
 */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { bodyLimit, config } = request.routeOptions;
  const problem = translateError(error, bodyLimit, config.bodyTypes);
  if (problem.status >= 500) request.log.error({ err: error }, problem.message);
  else request.log.info({ code: problem.code }, problem.message);
  const retryAfter = retryAfterSeconds(problem);
  if (retryAfter !== undefined && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfter);
  return reply
    .code(problem.status)
    .header('x-request-id', request.id)
    .header('content-type', problemMediaType)
    .send(JSON.stringify({ ...protocolError(problem, request), ...problemDetails(problem.toJSON(), request.id) }));
}

function protocolError({ code, message }: TesseraError, { url }: FastifyRequest): { error?: string } {
  return protocolPath.test(pathOf(url)) ? { error: `${code}: ${message}` } : {};
}
