import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { resultKey } from '@tessera/blob-store';
import type { JobProcessor } from '@tessera/queue';
import { RedisConnection } from '@tessera/runtime/redis';
import { backends, type Place } from './testing/places.js';
import { answerOf, jobOf, problemOf, until } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const request = { image: noisePng(40, 30).toString('base64'), query: 'the dog' };

for (const { name, skip, open } of backends) {
  describe(`a result that was lost (${name})`, { skip, timeout: 60_000 }, () => {
    let place: Place;
    let worker: JobProcessor | undefined;

    before(async () => {
      place = await open({});
    });
    after(() => place.close());
    afterEach(async () => {
      await worker?.drain(5_000);
      worker = undefined;
    });

    /** A job that has succeeded and has no result any more; no worker runs. */
    async function loseResult(key: string): Promise<string> {
      worker = place.work();
      const sent = place.gateways[0].client.post('/segment').set('idempotency-key', key).send(request);
      const id = jobOf(await sent.expect(200)).id;
      await worker.drain(5_000);
      await place.blobs.delete(resultKey(id));
      return id;
    }

    const look = async (id: string) => jobOf(await place.gateways[1].client.get(`/jobs/${id}`).expect(200));

    it('is made again for those who ask for the job', async () => {
      const id = await loseResult('asked');
      const [lost, again] = await Promise.all([look(id), look(id)]);
      assert.deepEqual([lost.status, lost.result, again.status], ['queued', undefined, 'queued']);
      worker = place.work();
      await until(async () => (await look(id)).status === 'succeeded');
      assert.equal(jobOf({ body: (await look(id)).result }).id, id);
    });

    it('is made again for those who send the request again', async () => {
      const id = await loseResult('sent');
      const send = () => place.gateways[1].client.post('/segment').set('idempotency-key', 'sent').send(request);
      assert.equal(jobOf(await send().expect(202)).id, id);
      worker = place.work();
      assert.deepEqual(answerOf(await send().expect(200)).results, [{ query: 'the dog' }]);
    });

    it('is made again for those who follow the job, when they come back', async () => {
      const id = await loseResult('followed');
      const follow = () => place.gateways[1].client.get(`/jobs/${id}/events`).set('last-event-id', '1').expect(200);
      assert.doesNotMatch((await follow()).text, /event: (result|error)/);
      worker = place.work();
      assert.match((await follow()).text, /event: result\n/);
    });
  });
}

describe('a job that Redis has lost', { skip: backends[1]?.skip, timeout: 60_000 }, () => {
  it('is no unknown job for the client that waits for its answer', async (test) => {
    const place = await backends[1]?.open({});
    assert.ok(place?.redis !== undefined);
    test.after(() => place.close());
    const redis = await RedisConnection.open({
      url: place.redis.url,
      onError: assert.ifError,
      operationTimeoutMs: 5_000,
    });
    test.after(() => {
      redis.close();
    });
    const sent = place.gateways[0].client.post('/segment').send(request).expect(503).then();
    // The gateways' canaries wait, too, with a higher priority.
    await until(async () =>
      (await place.queue.waiting()).some(({ priority, count }) => priority === 'normal' && count === 1),
    );
    await redis.run((client) => client.flushall());
    const answer = await sent;
    assert.equal(problemOf(answer).code, 'TSR_QUEUE_UNAVAILABLE');
    assert.ok(answer.headers['retry-after']);
  });
});

describe('a job whose Redis freezes', { skip: backends[1]?.skip, timeout: 60_000 }, () => {
  it('is named to the client that waits for its answer', async (test) => {
    const place = await backends[1]?.open({});
    assert.ok(place?.redis !== undefined);
    test.after(() => place.close());
    const sentAt = performance.now();
    const sent = place.gateways[0].client.post('/segment').set('prefer', 'wait=60').send(request).expect(202).then();
    await until(async () =>
      (await place.queue.waiting()).some(({ priority, count }) => priority === 'normal' && count === 1),
    );
    place.redis.pause();
    const answer = await sent;
    place.redis.resume();
    assert.ok(performance.now() - sentAt < 15_000);
    const { id, status } = jobOf(answer);
    assert.deepEqual([status, answer.headers.location], ['queued', `/jobs/${id}`]);
    const worker = place.work();
    await until(async () => {
      const now = await place.gateways[0].client.get(`/jobs/${id}`);
      return now.status === 200 && jobOf(now).status === 'succeeded';
    });
    await worker.drain(1_000);
  });
});

describe('a result that has expired', { timeout: 60_000 }, () => {
  it('is not made again', async () => {
    const [embedded] = backends;
    assert.ok(embedded);
    const place = await embedded.open({ TESSERA_RESULT_TTL_S: '1' });
    const worker = place.work();
    const { client } = place.gateways[0];
    const send = () => client.post('/segment').set({ 'idempotency-key': 'expired', prefer: 'wait=5' }).send(request);
    const { id } = jobOf(await send().expect(200));
    await place.blobs.delete(resultKey(id));
    const job = jobOf(await client.get(`/jobs/${id}`).expect(200));
    assert.deepEqual([job.status, job.result], ['succeeded', undefined]);
    assert.equal(problemOf(await send().expect(404)).code, 'TSR_JOB_NOT_FOUND');
    await worker.drain(1_000);
    await place.close();
  });
});
