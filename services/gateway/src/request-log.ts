import { LogController, type FastifyRequest } from 'fastify';

/** The path of a request's URL, without the query, in which clients send questions and could send a key. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '';
}

/** What the log has of a request. */
export function loggedRequest({ method, url, host, ip, socket }: FastifyRequest): Record<string, unknown> {
  return { method, url: pathOf(url), host, remoteAddress: ip, remotePort: socket.remotePort };
}

/** For traced requests, whose first line is written once they have a span. */
export class TracedLogController extends LogController {
  override incomingRequest(): void {
    // The hook of the traces does it.
  }
}
