import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { RedisServer, redisSkipReason } from '@tessera/runtime/testing';
import { startEmbedded, startGateway, type HttpService } from '../support/services.js';

/** Seconds; also all the time that requests then have to arrive. */
const drainS = 2;
/** Of the drain, the last answers and the end of all else. */
const longestMs = 12_000;

const settleMs = 500;
const trickleMs = 100;

interface Client {
  readonly name: string;
  /** Before the service is told to end. */
  readonly sent: string;
  /** Again and again after that. */
  readonly more: string;
  /** Whether it reads its answer, a 408. */
  readonly isAnswered: boolean;
}

const headers = 'POST /segment HTTP/1.1\r\nhost: localhost\r\n';
const body = `${headers}content-type: application/json\r\ncontent-length: 100000\r\n\r\n{"im`;
const clients: readonly Client[] = [
  { name: 'nothing', sent: '', more: '', isAnswered: true },
  { name: 'a part of the headers', sent: headers, more: '', isAnswered: true },
  { name: 'headers without end', sent: `${headers}x-slow: `, more: 'a', isAnswered: true },
  { name: 'a part of the body', sent: body, more: '', isAnswered: true },
  { name: 'a body without end', sent: body, more: 'a', isAnswered: true },
  {
    name: 'requests whose answers it does not read',
    sent: 'GET /openapi.json HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(100),
    more: '',
    isAnswered: false,
  },
];

describe('SIGTERM while requests are unfinished', { timeout: 300_000 }, () => {
  it('ends the standalone in time', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tessera-unfinished-'));
    const service = await startEmbedded({ DATA_DIR: directory, TESSERA_DRAIN_S: String(drainS) });
    try {
      await endsInTime(service);
    } finally {
      await service.process.stop('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    }
  });

  it('ends the gateway in time', { skip: redisSkipReason }, async () => {
    const redis = await RedisServer.start();
    const service = await startGateway({ REDIS_URL: redis.url, TESSERA_DRAIN_S: String(drainS) });
    try {
      await endsInTime(service);
    } finally {
      await service.process.stop('SIGKILL');
      await redis.remove();
    }
  });
});

async function endsInTime({ url, process }: HttpService): Promise<void> {
  const connections = await Promise.all(clients.map((client) => begin(url, client)));
  await delay(settleMs);
  const startedAt = performance.now();
  const exitCode = await process.stop('SIGTERM');
  const tookMs = performance.now() - startedAt;
  const answers = connections.map((end) => end());
  assert.equal(exitCode, 0, process.output().slice(-2_000));
  assert.ok(tookMs < longestMs, `it took ${tookMs} ms`);
  for (const [index, { name, isAnswered }] of clients.entries()) {
    if (!isAnswered) continue;
    const answer = answers[index] ?? '';
    assert.match(answer, /^HTTP\/1\.1 408 /, name);
    assert.match(answer, /\r\ncontent-type: application\/problem\+json\r\n/, name);
    assert.match(answer, /\r\nconnection: close\r\n/, name);
  }
}

/** Connects and sends. @returns what ends it and gives everything that was answered */
async function begin(url: string, client: Client): Promise<() => string> {
  const { hostname, port } = new URL(url);
  // Such a client goes on although the service has ended its side.
  const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
  let answer = '';
  if (client.isAnswered) socket.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
  // A reset while a byte is on its way.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(client.sent);
  const timer = setInterval(() => {
    if (client.more !== '') socket.write(client.more);
  }, trickleMs);
  return () => {
    clearInterval(timer);
    socket.destroy();
    return answer;
  };
}
