import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { linger } from './lingering-close.js';

const generous = { bytes: 1_000_000_000, ms: 60_000, idleMs: 60_000 };
const clients: [name: string, bounds: typeof generous, send: () => Promise<Buffer>][] = [
  ['sends nothing', { ...generous, idleMs: 200 }, () => delay(20, Buffer.alloc(0))],
  ['sends a byte now and then', { ...generous, ms: 500, idleMs: 400 }, () => delay(20, Buffer.alloc(1))],
  ['sends without end', { ...generous, bytes: 10_000_000 }, () => Promise.resolve(Buffer.alloc(100_000))],
];

for (const [name, bounds, next] of clients) {
  test(`a client that has its answer and ${name} is disconnected`, async () => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.write('the answer');
      linger(socket, bounds);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const accepted = once(server, 'connection') as Promise<[ReturnType<typeof connect>]>;
    const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => undefined);
    let answer = '';
    client.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    const [socket] = await accepted;
    const deadline = Date.now() + 20_000;
    while (!socket.destroyed && Date.now() < deadline) {
      const part = await next();
      if (part.length > 0) await new Promise((resolve) => client.write(part, resolve));
    }
    assert.ok(socket.destroyed);
    assert.equal(answer, 'the answer');
    client.destroy();
    server.close();
  });
}
