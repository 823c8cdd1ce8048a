import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError } from '@tessera/contracts';
import { redisSkipReason, RedisServer } from './redis-server.js';
import { RedisConnection } from './redis-connection.js';

const isUnavailable = (error: unknown) => TesseraError.isInstance(error) && error.code === 'TSR_QUEUE_UNAVAILABLE';

describe('a Redis connection', { skip: redisSkipReason, timeout: 30_000 }, () => {
  it('opens before its server, rejects at once while it is down, and works as soon as it is up', async () => {
    const server = await RedisServer.prepare();
    const connection = await RedisConnection.open({ url: server.url, onError: () => {}, operationTimeoutMs: 500 });
    try {
      const startedAt = performance.now();
      await assert.rejects(
        connection.run((client) => client.ping()),
        isUnavailable,
      );
      assert.ok(performance.now() - startedAt < 500);

      await server.start();
      await eventually(() => connection.run((client) => client.ping()));

      await server.stop();
      await assert.rejects(
        connection.run((client) => client.ping()),
        isUnavailable,
      );
      await server.start();
      assert.equal(await eventually(() => connection.run((client) => client.ping())), 'PONG');
    } finally {
      connection.close();
      await server.remove();
    }
  });

  it('gives up on a server that hangs', async () => {
    const server = await RedisServer.start();
    const connection = await RedisConnection.open({ url: server.url, onError: () => {}, operationTimeoutMs: 300 });
    try {
      server.pause();
      const startedAt = performance.now();
      await assert.rejects(
        connection.run((client) => client.ping()),
        isUnavailable,
      );
      assert.ok(performance.now() - startedAt < 1_000);
      server.resume();
      assert.equal(await eventually(() => connection.run((client) => client.ping())), 'PONG');
    } finally {
      connection.close();
      await server.remove();
    }
  });
});

/** The result of the first try that succeeds, within five seconds. */
async function eventually<Result>(operation: () => Promise<Result>): Promise<Result> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(20);
    }
  }
}
