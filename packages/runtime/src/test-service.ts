import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ErrorCode, ProblemDetails } from '@tessera/contracts';

/** A request as a test's service got it. */
export interface ReceivedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

type Answer = (request: ReceivedRequest, response: ServerResponse) => void;

/** A real server on a free loopback port that gives the answers of a test. */
export class TestService {
  /** In the order in which they came. */
  readonly requests: ReceivedRequest[] = [];
  readonly #server: Server;

  private constructor(answer: Answer) {
    this.#server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        const { method = '', url: path = '', headers } = incoming;
        const request = { method, path, headers, body: Buffer.concat(chunks) };
        this.requests.push(request);
        answer(request, response);
      });
    });
  }

  static async start(answer: Answer): Promise<TestService> {
    const service = new TestService(answer);
    await new Promise<void>((resolve) => service.#server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function sendProblem(response: ServerResponse, problem: ProblemDetails): void {
  response.writeHead(problem.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
}

/** Server-sent events, numbered from 1. */
export function sendEvents(response: ServerResponse, ...events: readonly [event: string, data: unknown][]): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const texts = events.map(
    ([event, data], index) => `event: ${event}\nid: ${index + 1}\ndata: ${JSON.stringify(data)}\n\n`,
  );
  response.end(texts.join(''));
}

export function problemOf(code: ErrorCode, status: number, detail: string): ProblemDetails {
  return { type: `/errors#${code}`, title: 'A title', status, code, detail };
}
