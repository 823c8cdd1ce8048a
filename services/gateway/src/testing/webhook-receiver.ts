import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WebhookMessage } from '@tessera/contracts';
import { Webhook } from 'standardwebhooks';

export interface ReceivedWebhook {
  readonly id: string;
  readonly path: string;
  readonly at: number;
  readonly text: string;
  readonly headers: IncomingHttpHeaders;
  readonly message: WebhookMessage;
}

/** A receiver of webhooks on a loopback port. */
export class WebhookReceiver {
  readonly received: ReceivedWebhook[] = [];
  /** Answers after a message was noted; 204 by default. */
  answer: RequestListener = (_request, response) => response.writeHead(204).end();
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const { headers, url: path = '' } = request;
        const id = String(headers['webhook-id']);
        this.received.push({ id, path, at: Date.now(), text, headers, message: JSON.parse(text) as WebhookMessage });
        this.answer(request, response);
      });
    });
  }

  /** @param port - otherwise a free one */
  static async open(port = 0): Promise<WebhookReceiver> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new WebhookReceiver(server);
  }

  /** The messages about a job. */
  about(job: string): ReceivedWebhook[] {
    return this.received.filter(({ message }) => message.data.id === job);
  }

  /** Checks a signature as a receiver does. */
  verify({ text, headers }: ReceivedWebhook, secret: string): unknown {
    return new Webhook(secret).verify(text, headers as Record<string, string>);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
