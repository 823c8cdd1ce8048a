import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TesseraError } from '@tessera/contracts';
import { redisSkipReason, RedisServer } from './redis-server.js';
import { RedisConnection } from './redis-connection.js';
import { TcpProxy } from './tcp-proxy.js';

const isUnavailable = (error: unknown) => TesseraError.isInstance(error) && error.code === 'TSR_QUEUE_UNAVAILABLE';

describe('a Redis connection', { skip: redisSkipReason, timeout: 60_000 }, () => {
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

  it('leaves a master that has become a replica for the one that its name leads to now', async () => {
    const [old, successor] = [await RedisServer.start(), await RedisServer.start()];
    let master = old;
    // The name of the master: it leads new connections to the present one, and leaves the others as they are.
    const name = await TcpProxy.start(() => Number(new URL(master.url).port));
    const url = `redis://127.0.0.1:${name.port}`;
    const connection = await RedisConnection.open({ url, onError: () => {}, operationTimeoutMs: 500 });
    const write = () => connection.run((client) => client.set('key', 'value'));
    try {
      await write();
      await connection.run((client) => client.replicaof('127.0.0.1', new URL(successor.url).port));
      master = successor;
      await assert.rejects(write(), isUnavailable);
      assert.equal(await eventually(write), 'OK');
      const role = await connection.run((client) => client.role());
      assert.equal(role[0], 'master');
    } finally {
      connection.close();
      name.close();
      await Promise.all([old.remove(), successor.remove()]);
    }
  });

  it('does not take a fault in an operation for a Redis that is away', async () => {
    const server = await RedisServer.start();
    const connection = await RedisConnection.open({ url: server.url, onError: () => {}, operationTimeoutMs: 500 });
    try {
      await assert.rejects(
        connection.run(async (client) => JSON.parse(await client.echo('{')) as unknown),
        SyntaxError,
      );
    } finally {
      connection.close();
      await server.remove();
    }
  });

  it('waits once for a server that hangs, rejects at once after that, and works as soon as it answers again', async () => {
    const server = await RedisServer.start();
    const connection = await RedisConnection.open({ url: server.url, onError: () => {}, operationTimeoutMs: 300 });
    const ping = () => connection.run((client) => client.ping());
    const rejectionMs = async () => {
      const startedAt = performance.now();
      await assert.rejects(ping(), isUnavailable);
      return performance.now() - startedAt;
    };
    try {
      server.pause();
      const first = await rejectionMs();
      assert.ok(first > 250 && first < 1_000, `the first took ${first} ms`);
      for (let times = 0; times < 20; times++) assert.ok((await rejectionMs()) < 100);
      server.resume();
      const resumedAt = performance.now();
      assert.equal(await eventually(ping), 'PONG');
      assert.ok(performance.now() - resumedAt < 1_000);

      server.pause();
      await rejectionMs();
      await server.stop();
      await server.start();
      assert.equal(await eventually(ping), 'PONG');
    } finally {
      connection.close();
      await server.remove();
    }
  });

  it('leaves a connection that is silent for good, and works on another one', async () => {
    const server = await RedisServer.start();
    const network = await TcpProxy.start(() => Number(new URL(server.url).port));
    const url = `redis://127.0.0.1:${network.port}`;
    const connection = await RedisConnection.open({ url, onError: () => {}, operationTimeoutMs: 500 });
    const ping = () => connection.run((client) => client.ping());
    try {
      assert.equal(await ping(), 'PONG');
      network.silence();
      await assert.rejects(ping(), isUnavailable);
      assert.equal(await eventually(ping, 13_000), 'PONG');
    } finally {
      connection.close();
      network.close();
      await server.remove();
    }
  });

  it('waits for a server that is slow, also after it was too slow once', async () => {
    const server = await RedisServer.start();
    const connection = await RedisConnection.open({ url: server.url, onError: () => {}, operationTimeoutMs: 500 });
    const pingAfter = async (pauseMs: number) => {
      server.pause();
      const answer = connection.run((client) => client.ping());
      await Promise.allSettled([
        answer,
        delay(pauseMs).then(() => {
          server.resume();
        }),
      ]);
      return answer;
    };
    try {
      await assert.rejects(pingAfter(700), isUnavailable);
      await eventually(() => connection.run((client) => client.ping()));
      for (let times = 0; times < 3; times++) assert.equal(await pingAfter(250), 'PONG');
    } finally {
      connection.close();
      await server.remove();
    }
  });
});

/** The result of the first try that succeeds in time. */
async function eventually<Result>(operation: () => Promise<Result>, timeoutMs = 5_000): Promise<Result> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await delay(20);
    }
  }
}
