import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { GatewayApp } from '../context.js';

/** How much is read from a client after its answer. */
const lingerBounds = {
  bytes: 256_000_000,
  ms: 20_000,
  /** A client that has sent nothing for this long has had time to read its answer. */
  idleMs: 3_000,
};

/**
 * Lets a client read an answer that was given before its body had arrived. Closing a connection while the client still
 * sends makes its operating system discard the answer, so such an answer has `connection: close`, and what
 * follows on the connection is read and dropped, within bounds, before it closes.
 */
export function closeLingering(app: GatewayApp): void {
  const lingering = new Set<Socket>();
  app.addHook('onSend', (request, reply, payload, done) => {
    const { raw } = request;
    if (!announcesBody(raw) || raw.complete) {
      done(null, payload);
      return;
    }
    // A small body that came together with the headers is complete once the parser has gone on.
    setImmediate(() => {
      if (!raw.complete) {
        reply.header('connection', 'close');
        const { socket } = raw;
        // What the server calls once a response with `connection: close` has been written.
        socket.destroySoon = () => {
          lingering.add(socket);
          socket.once('close', () => lingering.delete(socket));
          linger(socket);
        };
      }
      done(null, payload);
    });
  });
  app.addHook('preClose', (done) => {
    for (const socket of lingering) socket.destroy();
    done();
  });
}

/** Whether the headers announce a body. */
export function announcesBody({ headers }: IncomingMessage): boolean {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers;
  return encoding !== undefined || (length !== undefined && Number(length) !== 0);
}

/** Ends the sending side of a connection, drops what the client still sends, and closes when it ends or a bound is met. */
export function linger(socket: Socket, bounds: typeof lingerBounds = lingerBounds): void {
  const destroy = () => socket.destroy();
  const timer = setTimeout(destroy, bounds.ms);
  let droppedBytes = 0;
  const drop = () => {
    // Bytes that follow are not parsed as requests any more.
    socket.removeAllListeners('data');
    socket.on('data', (chunk: Buffer) => {
      droppedBytes += chunk.length;
      if (droppedBytes > bounds.bytes) socket.destroy();
    });
  };
  socket.once('end', destroy);
  socket.once('close', () => {
    clearTimeout(timer);
  });
  socket.setTimeout(bounds.idleMs, destroy);
  socket.end();
  // A body that nobody reads has stopped the connection. Node's HTTP server starts it when the socket resumes, but no more
  // once the socket has a listener of its own for data: it gets that afterwards.
  socket.pause();
  socket.once('resume', drop);
  socket.resume();
}
