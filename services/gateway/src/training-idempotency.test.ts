import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { backends, type Place } from './testing/places.js';
import { tarOf } from './testing/test-archives.js';
import { jobOf, problemOf } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

const image = noisePng(12, 10);

const bodyOf = (name: string) => ({
  name,
  examples: [{ image: image.toString('base64'), attributes: 'red', object: 'ball' }],
});

function archiveOf(color: string): Promise<Buffer> {
  const row = { image: 'one.png', attributes: color, object: 'ball' };
  return tarOf([
    { name: 'metadata.json', contents: JSON.stringify([row]) },
    { name: 'images/one.png', contents: image },
  ]);
}

for (const { name, skip, open } of backends) {
  describe(`the idempotency key of a training (${name})`, { skip, timeout: 180_000 }, () => {
    let place: Place;

    before(async () => {
      place = await open({});
    });

    after(() => place.close());

    const post = (key: string, gateway: number) =>
      (place.gateways[gateway] ?? assert.fail()).client.post('/vocabularies').set('idempotency-key', key);
    const train = (key: string, body: object, gateway = 0) => post(key, gateway).send(body);
    const upload = (key: string, vocabulary: string, archive: Buffer, gateway = 0) =>
      post(key, gateway).field('name', vocabulary).attach('archive', archive, 'set.tar');

    it('gives fifty clients at once one job, through any gateway', async () => {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) => train('fifty', bodyOf('fifty'), index % 2).expect(202)),
      );
      const ids = new Set(answers.map((response) => jobOf(response).id));
      assert.equal(ids.size, 1);
      assert.equal(answers.filter(({ headers }) => headers['idempotency-replayed'] === 'true').length, 49);
      const [id = ''] = ids;
      assert.equal((await place.trainings.get(id))?.data.name, 'fifty');
      assert.equal((await place.trainings.counts()).queued, 1);
      await place.trainings.cancel(id);
    });

    it('is refused with other examples or another name, and gives the job that was cancelled', async () => {
      const first = jobOf(await train('inline', bodyOf('inline')).expect(202));
      const [example] = bodyOf('inline').examples;
      for (const other of [bodyOf('another'), { name: 'inline', examples: [{ ...example, attributes: 'blue' }] }]) {
        const problem = problemOf(await train('inline', other, 1).expect(422));
        assert.equal(problem.code, 'TSR_IDEMPOTENCY_KEY_REUSED');
      }
      const problem = problemOf(await train('a-second-key', bodyOf('inline'), 1).expect(409));
      assert.equal(problem.code, 'TSR_VOCABULARY_CONFLICT');
      await place.trainings.cancel(first.id);
      const again = jobOf(await train('inline', bodyOf('inline')).expect(202));
      assert.deepEqual([again.id, again.status], [first.id, 'cancelled']);
    });

    it('gives twenty clients that send one archive one job, and is refused with another archive', async () => {
      const archive = await archiveOf('red');
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => upload('archive', 'archived', archive, index % 2).expect(202)),
      );
      const ids = new Set(answers.map((response) => jobOf(response).id));
      assert.equal(ids.size, 1);
      const problem = problemOf(await upload('archive', 'archived', await archiveOf('blue')).expect(422));
      assert.equal(problem.code, 'TSR_IDEMPOTENCY_KEY_REUSED');
      const [id = ''] = ids;
      await place.trainings.cancel(id);
    });

    it('is free for another try after one whose examples were refused', async () => {
      const broken = await tarOf([{ name: 'images/one.png', contents: image }]);
      const refused = problemOf(await upload('again', 'again', broken).expect(422));
      assert.equal(refused.code, 'TSR_ARCHIVE_INVALID');
      const accepted = jobOf(await upload('again', 'again', await archiveOf('red'), 1).expect(202));
      assert.equal(accepted.status, 'queued');
      await place.trainings.cancel(accepted.id);
    });
  });
}
