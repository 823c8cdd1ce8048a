import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { FailedWebhook, Webhook } from '@tessera/contracts';
import type { JobProcessor, JobQueue } from '@tessera/queue';
import { backends, type Place } from './testing/places.js';
import { jobOf, listen, problemOf, TestStores, until, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';
import { WebhookReceiver } from './testing/webhook-receiver.js';

const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const nextSecret = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const png = noisePng(40, 30);
const image = png.toString('base64');
const settings = {
  TESSERA_WEBHOOK_SECRETS: `${nextSecret},${secret}`,
  TESSERA_ALLOW_PRIVATE_WEBHOOKS: 'true',
  TESSERA_WEBHOOK_TIMEOUT_S: '1',
  TESSERA_WEBHOOK_RETRY_S: '1',
  TESSERA_WEBHOOK_ATTEMPTS: '4',
};

for (const { name, skip, open } of backends) {
  describe(`webhooks (${name})`, { skip, timeout: 120_000 }, () => {
    let place: Place;
    let receiver: WebhookReceiver;
    let worker: JobProcessor | undefined;

    before(async () => {
      place = await open(settings);
    });

    after(() => place.close());

    const begin = async (isWorking = true) => {
      receiver = await WebhookReceiver.open();
      if (isWorking) worker = place.work();
    };

    afterEach(async () => {
      await worker?.drain(5_000);
      worker = undefined;
      await receiver.close();
    });

    /** Queues a segmentation with a webhook; gives the job's id. */
    async function queue(query: string, webhook: Partial<Webhook> = {}, headers: Record<string, string> = {}) {
      const accepted = await place.gateways[0].client
        .post('/segment')
        .set({ prefer: 'respond-async', ...headers })
        .send({ image, query, webhook: { url: receiver.url, ...webhook } })
        .expect(202);
      return jobOf(accepted).id;
    }

    async function failedWebhooks(): Promise<readonly FailedWebhook[]> {
      const { body } = await place.gateways[1].client.get('/webhooks/failed').expect(200);
      return (body as { webhooks: FailedWebhook[] }).webhooks;
    }

    it('announce every kind of end once, signed, and without the image', async () => {
      await begin(false);
      const withdrawn = await queue('a dog');
      await place.gateways[0].client.delete(`/jobs/${withdrawn}`).expect(200);
      const overdue = await queue('a dog', {}, { 'x-deadline-ms': '50' });
      await until(() => receiver.received.length >= 2);
      worker = place.work();
      const good = await queue('a dog');
      const refused = await queue('error TSR_OPTION_UNSUPPORTED');
      const stopped = await queue('slow');
      await until(async () => (await place.queue.get(stopped))?.status === 'running');
      await place.gateways[1].client.delete(`/jobs/${stopped}`).expect(202);
      await until(() => receiver.received.length >= 5);
      await delay(500);
      const types = Object.fromEntries(receiver.received.map(({ message }) => [message.data.id, message.type]));
      assert.deepEqual(types, {
        [withdrawn]: 'job.cancelled',
        [overdue]: 'job.expired',
        [good]: 'job.succeeded',
        [refused]: 'job.failed',
        [stopped]: 'job.cancelled',
      });
      assert.equal(receiver.received.length, 5);
      for (const received of receiver.received) {
        const { id, message, text, headers } = received;
        for (const own of [secret, nextSecret]) assert.deepEqual(receiver.verify(received, own), message);
        assert.throws(() => receiver.verify(received, `whsec_${Buffer.alloc(32, 3).toString('base64')}`));
        assert.throws(() => receiver.verify({ ...received, text: `${text} ` }, secret));
        assert.equal(headers['content-type'], 'application/json');
        assert.equal(id, `end-${message.data.id}`);
        assert.equal(message.data.kind, 'segment');
        assert.equal(message.timestamp, message.data.finished_at);
        assert.ok(text.length < 2_000, text);
      }
      const [failure] = receiver.about(refused);
      assert.equal(failure?.message.data.error?.code, 'TSR_OPTION_UNSUPPORTED');
    });

    it('of a slow receiver leave room for those of others, and all arrive', async () => {
      await begin();
      const busy = await WebhookReceiver.open();
      let [open, mostOpen] = [0, 0];
      const delivered = new Set<unknown>();
      busy.answer = (request, response) => {
        mostOpen = Math.max(mostOpen, ++open);
        response.on('close', () => (open -= 1));
        // Below the time limit of an attempt.
        setTimeout(() => {
          delivered.add(request.headers['webhook-id']);
          response.writeHead(204).end();
        }, 500);
      };
      try {
        const { url } = busy;
        const slow: string[] = [];
        while (slow.length < 40) slow.push(await queue('a dog', { url }));
        const quick = await queue('a dog');
        await until(() => receiver.about(quick).length > 0, 30_000);
        // Eight of each of the two gateways.
        assert.ok(mostOpen <= 16, `${mostOpen} messages at once`);
        await until(() => delivered.size === slow.length, 60_000);
      } finally {
        await busy.close();
      }
    });

    it('come for the ends that were asked for, from forms and trainings too', async () => {
      await begin();
      const { client } = place.gateways[1];
      const hook = (events: Webhook['events']) => JSON.stringify({ url: receiver.url, events });
      const form = (events: Webhook['events']) =>
        client
          .post('/segment')
          .set('prefer', 'respond-async')
          .attach('image', png, 'a.png')
          .field('query', 'a dog')
          .field('webhook', hook(events));
      const unwanted = jobOf(await form(['job.failed']).expect(202)).id;
      const wanted = jobOf(await form(['job.failed', 'job.succeeded']).expect(202)).id;
      const classified = await client
        .post('/classify-composition')
        .set('prefer', 'respond-async')
        .send({
          image,
          vocabulary: { attributes: ['red'], objects: ['ball'] },
          webhook: { url: receiver.url, events: ['job.succeeded'] },
        })
        .expect(202);
      const examples = [{ image, attributes: 'red', object: 'ball' }];
      const training = await client
        .post('/vocabularies')
        .send({ name: 'balls', examples, webhook: { url: receiver.url } })
        .expect(202);
      await client.delete(`/jobs/${jobOf(training).id}`).expect(200);
      await until(() => receiver.received.length >= 3);
      await delay(300);
      assert.deepEqual(
        Object.fromEntries(receiver.received.map(({ message: { type, data } }) => [data.id, `${data.kind} ${type}`])),
        {
          [wanted]: 'segment job.succeeded',
          [jobOf(classified).id]: 'classify job.succeeded',
          [jobOf(training).id]: 'train-vocabulary job.cancelled',
        },
      );
      assert.deepEqual(receiver.about(unwanted), []);
    });

    it('are sent again, later and later, to a receiver that fails, is slow or redirects, until it accepts', async () => {
      await begin();
      const elsewhere = await WebhookReceiver.open();
      receiver.answer = (_request, response) => {
        const attempt = receiver.received.length;
        if (attempt === 1) response.writeHead(500).end('an internal secret');
        else if (attempt === 2) response.writeHead(307, { location: elsewhere.url }).end();
        // The third time it answers too late.
        else if (attempt === 4) response.writeHead(200).end('thanks');
      };
      const id = await queue('a dog');
      await until(() => receiver.received.length === 3);
      // The last pause is up to four seconds, after an attempt that took one.
      await until(() => receiver.received.length === 4);
      await delay(300);
      const attempts = receiver.about(id);
      assert.equal(attempts.length, 4);
      assert.equal(new Set(attempts.map((received) => received.id)).size, 1);
      assert.equal(new Set(attempts.map(({ text }) => text)).size, 1);
      for (const received of attempts) receiver.verify(received, secret);
      const [first = 0, second = 0, third = 0, last = 0] = attempts.map(({ at }) => at);
      assert.ok(second - first >= 450 && third - second >= 950 && last - third >= 2_900);
      assert.equal(elsewhere.received.length, 0);
      assert.deepEqual(await failedWebhooks(), []);
      await elsewhere.close();
    });

    it('are sent again no sooner than the receiver asks for', async () => {
      await begin();
      receiver.answer = (_request, response) => {
        const attempt = receiver.received.length;
        if (attempt === 1) response.writeHead(503, { 'retry-after': '3' }).end();
        else if (attempt === 2)
          response.writeHead(429, { 'retry-after': new Date(Date.now() + 5_000).toUTCString() }).end();
        else response.writeHead(204).end();
      };
      const id = await queue('a dog');
      await until(() => receiver.received.length === 3, 30_000);
      const [first = 0, second = 0, third = 0] = receiver.about(id).map(({ at }) => at);
      // Alone they would come after at most one and two seconds; a date has whole seconds.
      assert.ok(second - first >= 2_900, `${second - first} ms`);
      assert.ok(third - second >= 3_900, `${third - second} ms`);
    });

    it('are sent to a receiver that was down, once it is back', async () => {
      await begin();
      const { url } = receiver;
      await receiver.close();
      const id = await queue('a dog', { url });
      await until(async () => (await place.queue.get(id))?.status === 'succeeded');
      await delay(1_000);
      receiver = await WebhookReceiver.open(Number(new URL(url).port));
      await until(() => receiver.received.length === 1);
      const [received] = receiver.about(id);
      assert.ok(received !== undefined);
      receiver.verify(received, secret);
    });

    it('are listed when no attempt was accepted, and are sent again on demand', async () => {
      await begin();
      receiver.answer = (_request, response) => response.writeHead(503).end('an internal secret');
      const id = await queue('a dog');
      const deadline = Date.now() + 20_000;
      while ((await failedWebhooks()).length === 0 && Date.now() < deadline) await delay(100);
      const [failed, ...others] = await failedWebhooks();
      assert.ok(failed !== undefined && others.length === 0);
      assert.equal(receiver.about(id).length, 4);
      const { created_at, failed_at, ...rest } = failed;
      assert.ok(Date.parse(created_at) < Date.parse(failed_at));
      assert.deepEqual(rest, {
        id: `end-${id}`,
        job: id,
        type: 'job.succeeded',
        url: receiver.url,
        error: 'The webhook was not accepted: the receiver answered 503.',
      });
      receiver.answer = (_request, response) => response.writeHead(200).end();
      const redeliver = () => place.gateways[1].client.post(`/webhooks/failed/end-${id}/redeliver`);
      const accepted = await redeliver().expect(202);
      assert.deepEqual([accepted.text, accepted.headers['content-type']], ['', undefined]);
      await until(() => receiver.about(id).length === 5);
      await until(async () => (await failedWebhooks()).length === 0);
      assert.equal(problemOf(await redeliver().expect(404)).code, 'TSR_WEBHOOK_NOT_FOUND');
      const { text } = await place.gateways[0].client.get('/metrics');
      const { text: otherText } = await place.gateways[1].client.get('/metrics');
      assert.match(text + otherText, /tessera_webhook_attempts_total\{outcome="failed"\} 1/);
      assert.match(text + otherText, /tessera_jobs_ended_total\{kind="segment",status="succeeded",code=""\} \d/);
    });

    it('end when the receiver is gone, and when it does not read', async () => {
      await begin();
      receiver.answer = (_request, response) => response.writeHead(410).end();
      const gone = await queue('a dog');
      await until(() => receiver.about(gone).length === 1);
      await delay(1_500);
      assert.equal(receiver.about(gone).length, 1);
      assert.deepEqual(await failedWebhooks(), []);
      // An endless answer is not read to its end; its status is enough.
      receiver.answer = (_request, response) => {
        response.writeHead(200);
        const more = setInterval(() => response.write('x'.repeat(65_536)), 1);
        response.on('close', () => {
          clearInterval(more);
        });
      };
      const endless = await queue('a dog');
      await until(() => receiver.about(endless).length === 1);
      await delay(2_000);
      assert.equal(receiver.about(endless).length, 1);
    });

    it('come for a job that another version has queued, and after it', async () => {
      await begin(false);
      const origin = { webhook: { url: receiver.url } };
      await place.queue.add(null as never, { id: 'odd', priority: 'normal', origin });
      await place.queue.cancel('odd');
      const usual = await queue('a dog');
      await place.gateways[0].client.delete(`/jobs/${usual}`).expect(200);
      await until(() => receiver.received.length >= 2);
      assert.deepEqual(
        receiver.received.map(({ message: { data } }) => [data.id, data.kind]).sort(),
        [
          [usual, 'segment'],
          ['odd', 'unknown'],
        ].sort(),
      );
    });

    it('leave a job running whose client has disconnected', async () => {
      await begin();
      const controller = new AbortController();
      const sent = fetch(`http://127.0.0.1:${place.gateways[0].port}/segment`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ image, query: 'slow', webhook: { url: receiver.url } }),
        signal: controller.signal,
      });
      await until(async () => (await place.queue.counts()).running === 1);
      controller.abort();
      await assert.rejects(sent);
      await until(() => receiver.received.length === 1);
      assert.equal(receiver.received[0]?.message.type, 'job.succeeded');
    });
  });
}

describe('a request for a webhook', { timeout: 60_000 }, () => {
  let directory: string;
  let stores: TestStores;
  let jobs: JobQueue;
  let gateway: TestGateway | undefined;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-webhooks-'));
    stores = await TestStores.open();
    jobs = await stores.openQueue('webhook-requests');
  });
  afterEach(async () => {
    await gateway?.app.close();
  });
  after(async () => {
    await stores.close();
    await rm(directory, { recursive: true });
  });

  const start = async (environment: Record<string, string>) => {
    gateway = await listen(jobs, stores, environment);
    return (webhook: object, key?: string) => {
      const request = gateway?.client.post('/segment').set('prefer', 'respond-async') ?? assert.fail();
      if (key !== undefined) void request.set('authorization', `Bearer ${key}`);
      return request.send({ image, query: 'a dog', webhook });
    };
  };

  it('is refused without a secret, and for what is not public', async () => {
    const post = await start({});
    const missing = await post({ url: 'https://hooks.example.org/' }).expect(422);
    assert.equal(problemOf(missing).code, 'TSR_WEBHOOK_SECRET_MISSING');
    await gateway?.app.close();
    const signed = await start({ TESSERA_WEBHOOK_SECRETS: secret });
    for (const url of [
      'https://127.0.0.1/',
      'https://[::1]/',
      'https://169.254.169.254/latest/meta-data/',
      'https://0x7f000001/',
      'https://10.0.0.7/',
      'http://hooks.example.org/',
      'https://hooks.example.org:8443/',
      'https://user:password@hooks.example.org/',
    ]) {
      assert.equal(problemOf(await signed({ url }).expect(403)).code, 'TSR_WEBHOOK_URL_FORBIDDEN', url);
    }
    for (const webhook of [
      { url: 'ftp://hooks.example.org/' },
      { url: 'https://' },
      { url: 'https://hooks.example.org/', events: [] },
      { url: 'https://hooks.example.org/', events: ['job.started'] },
      { url: 'https://hooks.example.org/', secret: 'mine' },
      {},
    ]) {
      assert.equal(problemOf(await signed(webhook).expect(400)).code, 'TSR_VALIDATION', JSON.stringify(webhook));
    }
  });

  it('is not sent to a name that resolves to a private address', async () => {
    const post = await start({ TESSERA_WEBHOOK_SECRETS: secret });
    const { id } = jobOf(await post({ url: 'https://localhost/' }).expect(202));
    await jobs.cancel(id);
    const failed = async () => {
      const { body } = (await gateway?.client.get('/webhooks/failed').expect(200)) ?? assert.fail();
      return (body as { webhooks: FailedWebhook[] }).webhooks.find(({ job }) => job === id);
    };
    await until(async () => (await failed()) !== undefined);
    assert.match((await failed())?.error ?? '', /resolves to an address that is not public/);
  });

  it('is signed with the secret of its key, which alone sees that it failed', async () => {
    const receiver = await WebhookReceiver.open();
    const keys = { alice: 'tsr_key-of-alice', bob: 'tsr_key-of-bob' };
    const digest = (key: string) => createHash('sha256').update(key).digest('hex');
    const file = join(directory, 'keys.json');
    const entries = [
      { name: 'alice', sha256: digest(keys.alice), webhook_secrets: [secret] },
      { name: 'bob', sha256: digest(keys.bob) },
    ];
    await writeFile(file, JSON.stringify({ keys: entries }));
    const post = await start({ API_KEYS_FILE: file, TESSERA_ALLOW_PRIVATE_WEBHOOKS: 'true' });
    const refused = await post({ url: receiver.url }, keys.bob).expect(422);
    assert.equal(problemOf(refused).code, 'TSR_WEBHOOK_SECRET_MISSING');
    assert.match(problemOf(refused).detail, /bob/);

    const { id } = jobOf(await post({ url: receiver.url }, keys.alice).expect(202));
    await jobs.cancel(id);
    await until(() => receiver.received.length === 1);
    const [received] = receiver.received;
    assert.ok(received !== undefined);
    receiver.verify(received, secret);
    assert.equal(String(received.headers['webhook-signature']).split(' ').length, 1);

    // The test's queue makes one attempt.
    receiver.answer = (_request, response) => response.writeHead(500).end();
    const { id: second } = jobOf(await post({ url: receiver.url }, keys.alice).expect(202));
    await jobs.cancel(second);
    const { client } = gateway ?? assert.fail();
    const listed = async (key: string) => {
      const { body } = await client.get('/webhooks/failed').set('authorization', `Bearer ${key}`).expect(200);
      return (body as { webhooks: FailedWebhook[] }).webhooks.map(({ job }) => job);
    };
    await until(async () => (await listed(keys.alice)).includes(second));
    assert.deepEqual(await listed(keys.bob), []);
    const redeliver = (key: string) =>
      client.post(`/webhooks/failed/end-${second}/redeliver`).set('authorization', `Bearer ${key}`);
    await redeliver(keys.bob).expect(404);
    await client.get('/webhooks/failed').expect(401);
    await redeliver(keys.alice).expect(202);
    await receiver.close();
  });
});
