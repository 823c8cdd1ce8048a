import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { afterEach, describe, it } from 'node:test';
import { problemOf, sendJson, TestService } from '@tessera/runtime/test-service';
import { TesseraClient } from './client.js';
import { pauseMs } from './retries.js';
import { ConnectionError, ServiceError } from './service-error.js';

const full = problemOf('TSR_QUEUE_FULL', 429, 'The queue is full.');
const notReady = problemOf('TSR_NOT_READY', 503, 'No worker answers.');
const invalid = problemOf('TSR_VALIDATION', 400, 'The body does not match.');
const question = { image: new Uint8Array([1, 2, 3]), query: 'the dog' };

let service: TestService | undefined;

afterEach(async () => {
  await service?.close();
  service = undefined;
});

/** A service that fails in these ways, one after the other, and then answers. */
async function failing(...failures: readonly ((response: ServerResponse) => void)[]): Promise<TestService> {
  const left = [...failures];
  service = await TestService.start((_, response) => {
    const fail = left.shift();
    if (fail === undefined) sendJson(response, 200, { models: [], results: [] });
    else fail(response);
  });
  return service;
}

const refuse =
  (problem: typeof full, headers: Record<string, string> = {}) =>
  (response: ServerResponse) => {
    response.writeHead(problem.status, { 'content-type': 'application/problem+json', ...headers });
    response.end(JSON.stringify(problem));
  };
const hangUp = (response: ServerResponse) => response.destroy();

describe('a request that finds the service away or overloaded', () => {
  it('is sent again, bytes included, until it is answered', async () => {
    const { url, requests } = await failing(refuse(notReady), hangUp, refuse(full));
    await new TesseraClient({ url }).segment(question);
    assert.equal(requests.length, 4);
    const sizes = new Set(requests.map(({ body }) => body.length));
    assert.equal(sizes.size, 1, 'every attempt has the whole body');
  });

  it('waits as long as the service asks for', async () => {
    const { url } = await failing(refuse(full, { 'retry-after': '1' }));
    const startedAt = performance.now();
    await new TesseraClient({ url }).models();
    const tookMs = performance.now() - startedAt;
    assert.ok(tookMs >= 1_000 && tookMs < 3_000, `it took ${tookMs} ms`);
  });

  it('is given up after the retries, with the last error', async () => {
    const { url, requests } = await failing(hangUp, hangUp, refuse(full), hangUp);
    const isLast = (error: unknown) => ServiceError.isInstance(error, 'TSR_QUEUE_FULL');
    await assert.rejects(new TesseraClient({ url, retries: 2 }).models(), isLast);
    assert.equal(requests.length, 3);
  });

  it('is given up at once when the service asks for more than a minute', async () => {
    const { url, requests } = await failing(refuse(full, { 'retry-after': '3600' }));
    await assert.rejects(new TesseraClient({ url }).models(), { retryAfterMs: 3_600_000 });
    assert.equal(requests.length, 1);
  });

  it('ends with its time, also between two attempts', async () => {
    const { url, requests } = await failing(refuse(full, { 'retry-after': '30' }));
    await assert.rejects(new TesseraClient({ url, timeoutMs: 300 }).models(), { name: 'TimeoutError' });
    assert.equal(requests.length, 1);
  });
});

it('sends a job again with the key of its first time, and another job with another key', async () => {
  const { url, requests } = await failing(hangUp, refuse(full), hangUp);
  const client = new TesseraClient({ url });
  await client.queueSegment(question);
  await client.queueSegment(question);
  const keys = requests.map(({ headers }) => headers['idempotency-key']);
  assert.equal(keys.length, 5);
  assert.match(String(keys[0]), /^[0-9a-f]{32}$/);
  assert.equal(new Set(keys.slice(0, 4)).size, 1);
  assert.notEqual(keys[4], keys[0]);
});

describe('a request that is not sent again', () => {
  it('is one that the service refuses for good', async () => {
    const { url, requests } = await failing(refuse(invalid));
    await assert.rejects(new TesseraClient({ url }).segment(question), { code: 'TSR_VALIDATION', status: 400 });
    assert.equal(requests.length, 1);
  });

  it('is one that would leave something behind twice', async () => {
    const { url, requests } = await failing(hangUp, hangUp, hangUp);
    const client = new TesseraClient({ url });
    async function* archive() {
      yield await Promise.resolve(new Uint8Array(3));
    }
    await assert.rejects(client.trainOnExamples({ name: 'x', examples: [] }), ConnectionError);
    await assert.rejects(client.trainOnArchive({ name: 'x' }, archive()), ConnectionError);
    assert.equal(requests.length, 2);
  });
});

describe('the pause before the next attempt', () => {
  const lost = new ConnectionError('lost');

  it('doubles, up to half a minute, and is spread over its upper half', () => {
    assert.deepEqual(
      [0, 1, 2, 10].map((attempt) => pauseMs(lost, attempt, 1)),
      [250, 500, 1_000, 30_000],
    );
    assert.equal(pauseMs(lost, 2, 0), 500);
  });

  it('comes after what the service asks for', () => {
    assert.equal(pauseMs(new ServiceError(full, { retryAfterMs: 2_000 }), 0, 1), 2_250);
  });

  it('is there for proxies without a service, not for other websites', () => {
    const answered = (status: number) => pauseMs(new ConnectionError('foreign', { status }), 0, 1);
    assert.deepEqual([502, 503, 504, 200, 404, 500].map(answered), [250, 250, 250, undefined, undefined, undefined]);
  });
});
