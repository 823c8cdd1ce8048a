import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { JobQueue } from '@tessera/queue';
import { answerJobs, listen, problemOf, TestStores, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

let stores: TestStores;
let queue: JobQueue;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  queue = await stores.openQueue('foreign-pages');
  answerJobs(queue, stores.blobs);
});

afterEach(() => gateway.app.close());
after(() => stores.close());

async function start(settings: Record<string, string> = {}): Promise<void> {
  gateway = await listen(queue, stores, settings);
}

/** A form that a page sends without asking first: no preflight request goes before it. */
function sendForm(headers: Record<string, string>) {
  return gateway.client
    .post('/segment')
    .set(headers)
    .field('query', 'dog')
    .attach('image', noisePng(8, 8), 'noise.png');
}

describe('an open service on loopback', () => {
  it('refuses the forms of other sites', async () => {
    await start();
    for (const origin of ['https://evil.example', 'http://127.0.0.1:1', 'null', 'not an origin']) {
      const answer = await sendForm({ origin }).expect(403);
      assert.equal(problemOf(answer).code, 'TSR_FOREIGN_PAGE');
    }
    await gateway.client.delete('/jobs/x').set('origin', 'https://evil.example').expect(403);
  });

  it('answers its own pages, and clients that are no browsers', async () => {
    await start();
    await sendForm({}).expect(200);
    await sendForm({ origin: `http://127.0.0.1:${gateway.port}` }).expect(200);
    await sendForm({ origin: 'http://localhost:3000', host: 'localhost:3000' }).expect(200);
  });

  it('is not known by the names of other sites', async () => {
    await start();
    for (const host of ['evil.example', 'evil.example:3000', 'localhost.evil.example', '127.0.0.1.evil.example']) {
      const answer = await gateway.client.get('/models').set('host', host).expect(403);
      assert.equal(problemOf(answer).code, 'TSR_FOREIGN_PAGE');
      await gateway.client.get('/').set('host', host).expect(403);
      await sendForm({ host, origin: `http://${host}` }).expect(403);
    }
  });

  it('is known by its addresses and by allowed names', async () => {
    await start({ TESSERA_ALLOWED_HOSTS: 'photos.example' });
    for (const host of [
      'localhost',
      'LOCALHOST:3000',
      'app.localhost',
      '127.0.0.1',
      '[::1]:3000',
      '192.0.2.7',
      'photos.example:80',
    ]) {
      await gateway.client.get('/livez').set('host', host).expect(200);
    }
  });

  it('answers pages of allowed origins', async () => {
    await start({ TESSERA_CORS_ORIGINS: 'https://app.example.org' });
    await sendForm({ origin: 'https://app.example.org' }).expect(200);
    await sendForm({ origin: 'https://evil.example' }).expect(403);
  });
});

describe('a service with API keys', () => {
  it('asks for the key alone, which no other site has', async () => {
    await start({ API_KEYS: 'a-secret-key' });
    const key = { authorization: 'Bearer a-secret-key' };
    await sendForm({ origin: 'https://evil.example' }).expect(401);
    await sendForm({ ...key, origin: 'https://evil.example', host: 'photos.example' }).expect(200);
  });
});
