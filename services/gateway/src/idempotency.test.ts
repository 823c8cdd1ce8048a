import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { answerOf, jobOf, problemOf, until } from './testing/test-gateway.js';
import { backends, type Place } from './testing/places.js';
import { noisePng } from './testing/test-images.js';

const png = noisePng(40, 30);
const dataUrl = `data:image/png;base64,${png.toString('base64')}`;
const body = { image: dataUrl, query: 'the dog' };
const keys: readonly [string, string] = ['key-number-one', 'key-number-two'];

for (const { name, skip, open } of backends) {
  describe(`an idempotency key (${name})`, { skip, timeout: 120_000 }, () => {
    let place: Place;
    let serial = 0;

    before(async () => {
      place = await open({ API_KEYS: keys.join(), TESSERA_WAIT_S: '20' });
    });

    after(() => place.close());

    const freshKey = () => `key-${++serial}`;

    function segment(key: string, sent: object = body, { gateway = 0, apiKey = keys[0] } = {}) {
      const { client } = place.gateways[gateway] ?? assert.fail();
      return client.post('/segment').set('authorization', `Bearer ${apiKey}`).set('idempotency-key', key).send(sent);
    }

    it('gives the same job while it waits, from any gateway, and to fields in any order', async () => {
      const key = freshKey();
      const first = await segment(key).set('prefer', 'respond-async').expect(202);
      assert.equal(first.headers['idempotency-replayed'], undefined);
      const again = await segment(key, { query: body.query, image: body.image }, { gateway: 1 })
        .set('prefer', 'respond-async')
        .expect(202);
      assert.equal(again.headers['idempotency-replayed'], 'true');
      assert.equal(jobOf(again).id, jobOf(first).id);
      await place.queue.cancel(jobOf(first).id);
    });

    it('is refused with another body, and is another one with another API key or route', async () => {
      const key = freshKey();
      const first = jobOf(await segment(key).set('prefer', 'respond-async').expect(202));
      for (const other of [
        { ...body, query: 'the cat' },
        { ...body, refine: false },
        { ...body, image: `data:image/png;base64,${noisePng(30, 40).toString('base64')}` },
      ]) {
        const problem = problemOf(await segment(key, other, { gateway: 1 }).expect(422));
        assert.equal(problem.code, 'TSR_IDEMPOTENCY_KEY_REUSED');
      }
      const stranger = jobOf(await segment(key, body, { apiKey: keys[1] }).set('prefer', 'respond-async').expect(202));
      assert.notEqual(stranger.id, first.id);
      for (const { id } of [first, stranger]) await place.queue.cancel(id);
    });

    it('is refused when it is empty, too long or not plain text', async () => {
      for (const key of ['', 'x'.repeat(256), 'with space']) {
        const problem = problemOf(await segment(key).expect(400));
        assert.equal(problem.code, 'TSR_VALIDATION', key);
      }
      await segment('x'.repeat(255)).set('prefer', 'respond-async').expect(202);
    });

    it('gives one job to fifty clients at once, and each of them its result', async () => {
      const key = freshKey();
      const before = (await place.queue.counts()).queued;
      const sent = Array.from({ length: 50 }, (_, index) => segment(key, body, { gateway: index % 2 }).expect(200));
      const answers = Promise.all(sent);
      await until(async () => (await place.queue.counts()).queued > before);
      const worker = place.work();
      const ids = new Set((await answers).map((response) => (answerOf(response) as unknown as { id: string }).id));
      assert.equal(ids.size, 1);
      const replayed = (await answers).filter(({ headers }) => headers['idempotency-replayed'] === 'true');
      assert.equal(replayed.length, 49);
      // A finished job answers too.
      const late = await segment(key).expect(200);
      assert.equal((answerOf(late) as unknown as { id: string }).id, [...ids][0]);
      await worker.drain(5_000);
    });

    it('keeps the job of a client that disconnects, for its next try', async () => {
      const key = freshKey();
      const [{ port }] = place.gateways;
      const before = (await place.queue.counts()).queued;
      const impatient = httpRequest({
        port,
        method: 'POST',
        path: '/segment',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${keys[0]}`, 'idempotency-key': key },
      });
      impatient.on('error', () => undefined);
      impatient.end(JSON.stringify(body));
      await until(async () => (await place.queue.counts()).queued > before);
      impatient.destroy();
      const again = segment(key, body, { gateway: 1 }).expect(200);
      const worker = place.work();
      assert.equal((await again).headers['idempotency-replayed'], 'true');
      await worker.drain(5_000);
    });

    it('takes forms and raw bodies, whose images count by what they are', async () => {
      const key = freshKey();
      const post = () => {
        const { client } = place.gateways[0];
        return client
          .post('/segment')
          .set('authorization', `Bearer ${keys[0]}`)
          .set('idempotency-key', key)
          .set('prefer', 'respond-async');
      };
      const form = await post().attach('image', png, 'photo.png').field('query', 'the dog').expect(202);
      const again = await post().attach('image', png, 'renamed.png').field('query', 'the dog').expect(202);
      assert.equal(jobOf(again).id, jobOf(form).id);
      await post().attach('image', noisePng(30, 40), 'photo.png').field('query', 'the dog').expect(422);
    });
  });
}
