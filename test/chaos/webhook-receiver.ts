import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import type { Ledger } from './ledger.js';

interface Message {
  readonly type: string;
  readonly data: { readonly id: string; readonly status: string; readonly finished_at?: string };
}

/** Secret with which the services sign. */
export const webhookSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

/**
 * Receives webhooks. A message may come more than once, but the messages about one job have one id and say the same.
 */
export class WebhookReceiver {
  readonly #server: Server;
  readonly #received = new Map<
    string,
    { readonly webhookId: string; readonly body: string; readonly status: string }
  >();
  #repetitions = 0;

  private constructor(ledger: Ledger) {
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        const webhookId = String(request.headers['webhook-id']);
        const message = new Webhook(webhookSecret).verify(body, request.headers as Record<string, string>) as Message;
        const { id, status } = message.data;
        const earlier = this.#received.get(id);
        if (earlier === undefined) this.#received.set(id, { webhookId, body, status });
        else if (earlier.webhookId !== webhookId) ledger.violate(`the job ${id} has two webhook ids`);
        else if (earlier.body !== body) ledger.violate(`two webhooks about the job ${id} differ`);
        else this.#repetitions += 1;
        response.writeHead(204).end();
      });
    });
  }

  static async open(ledger: Ledger): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver(ledger);
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** Messages that came again, as they may. */
  get repetitions(): number {
    return this.#repetitions;
  }

  /** Which status the message about a job gives; undefined while none has come. */
  statusOf(job: string): string | undefined {
    return this.#received.get(job)?.status;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
