import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { GatewayApp } from '../context.js';

/** Longest time that requests have to arrive completely once the gateway closes. */
const arrivalMs = 5_000;
/** How long clients have to read their last answers. */
const lastAnswersMs = 1_000;

/** What the parts of the gateway listen to; see `GatewayContext`. */
export interface ClosingSignals {
  readonly closing: AbortController;
  readonly draining: AbortController;
}

/**
 * Closing waits for open requests. Those that do not arrive completely within {@link arrivalMs} are answered 408: Node, which
 * otherwise ends them, does not look at connections any more once it has stopped listening. Those that still wait for a job when
 * the time is up are answered 202. No client holds up the end for longer, whatever it sends or does not read.
 */
export function drainOnClose(app: GatewayApp, { closing, draining }: ClosingSignals, drainSeconds: number): void {
  const drainMs = drainSeconds * 1000;
  const connections = new Connections(app);
  const timers: NodeJS.Timeout[] = [];
  const after = (ms: number, act: () => void) => timers.push(setTimeout(act, ms));
  app.addHook('preClose', (done) => {
    closing.abort();
    after(Math.min(arrivalMs, drainMs), () => {
      const unfinished = connections.unfinished();
      const error = Object.assign(new Error('The gateway closes'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
      for (const socket of unfinished) app.server.emit('clientError', error, socket);
      after(lastAnswersMs, () => {
        for (const socket of unfinished) socket.destroy();
      });
    });
    after(drainMs, () => {
      draining.abort();
    });
    after(drainMs + lastAnswersMs, () => {
      for (const socket of connections.open) socket.destroy();
    });
    done();
  });
  // A connection that stayed open after its last response would keep the server from closing.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing.signal.aborted) reply.header('connection', 'close');
    done(null, payload);
  });
  app.addHook('onClose', () => {
    for (const timer of timers) clearTimeout(timer);
  });
}

/** The connections of a server, with the requests on them that are not answered yet. */
class Connections {
  readonly #requests = new Map<Socket, Set<IncomingMessage>>();

  constructor(app: GatewayApp) {
    app.server.on('connection', (socket: Socket) => {
      this.#requests.set(socket, new Set());
      socket.once('close', () => this.#requests.delete(socket));
    });
    app.addHook('onRequest', ({ raw }, reply, done) => {
      const requests = this.#requests.get(raw.socket);
      requests?.add(raw);
      reply.raw.once('close', () => requests?.delete(raw));
      done();
    });
  }

  get open(): Iterable<Socket> {
    return this.#requests.keys();
  }

  /** Those on which no request has arrived completely and waits for its answer. */
  unfinished(): Socket[] {
    return [...this.#requests].filter(([, requests]) => ![...requests].some(isComplete)).map(([socket]) => socket);
  }
}

function isComplete({ complete }: IncomingMessage): boolean {
  return complete;
}
