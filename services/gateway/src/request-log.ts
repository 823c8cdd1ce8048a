import { LogController, type FastifyRequest } from 'fastify';

/** The path of a request's URL, without the query, in which clients send questions and could send a key. */
export function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? '';
}

/** What the log has of a request. */
function loggedRequest({ method, url, host, ip, socket }: FastifyRequest): Record<string, unknown> {
  return { method, url: pathOf(url), host, remoteAddress: ip, remotePort: socket.remotePort };
}

/** Serializers of the gateway's log. */
export const logSerializers = {
  req: loggedRequest,
  // What the reader of forms logs at the level trace, with the headers of the request, of which one is the API key.
  busboyOptions: ({ limits }: { readonly limits?: unknown }) => ({ limits }),
};

/** For traced requests, whose first line is written once they have a span. */
export class TracedLogController extends LogController {
  override incomingRequest(): void {
    // The hook of the traces does it.
  }
}
