import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { JobResponse, VocabularyDescription } from '@tessera/contracts';
import { CommandProcess, tessera } from '../test-command.js';
import { problemOf, sendEvents, sendJson, sendProblem, TestService } from '@tessera/runtime/test-service';

const job: JobResponse = { id: 'job-1', status: 'queued', position: 0, created_at: '2026-01-01T00:00:00Z' };
const vocabulary: VocabularyDescription = {
  name: 'shapes',
  model: 'tessera-dual',
  method: 'csp',
  attributes: ['blue', 'red'],
  objects: ['ball'],
  seen_pairs: [['red', 'ball']],
  logit_scale: 100,
  base: { name: 'tessera-dual@1', sha256: '0'.repeat(64) },
  metrics: { auc: 0.5, best_hm: 0.6, best_seen: 0.7, best_unseen: 0.8, bias: 1.25 },
};
const free = problemOf('TSR_VOCABULARY_NOT_FOUND', 404, 'There is no vocabulary "shapes".');

let directory: string;
let service: TestService;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-client-'));
  await mkdir(join(directory, 'images'));
  await writeFile(join(directory, 'images/a.png'), 'image');
  await writeFile(join(directory, 'metadata.json'), '[{"image": "a.png", "attr": "red", "obj": "ball"}]');
});

after(() => rm(directory, { recursive: true }));
afterEach(() => service.close());

/** What the service was asked, as far as its answers depend on it. */
const asked = () => service.requests.map(({ method, path }) => `${method} ${path}`);
const words = (...options: string[]) => [
  ...['vocabulary', 'train', directory, '--name', 'shapes', '--url', service.url],
  ...options,
];

describe('`vocabulary train`', () => {
  it('sends the directory, says how the training goes and prints what came out', async () => {
    service = await TestService.start(({ method, path }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else if (path.startsWith('/vocabularies')) sendProblem(response, free);
      else {
        const epoch = {
          stage: 'epochs',
          fraction: 0.75,
          epoch: 1,
          epochs: 2,
          phase: 'choice',
          loss: 0.5,
          validation_auc: 0.4,
        };
        sendEvents(response, ['status', job], ['progress', epoch], ['result', vocabulary]);
      }
    });
    const { code, output, errors } = await tessera(words('--epochs', '2', '--seed', '7'));
    assert.equal(code, 0, errors);
    assert.deepEqual(asked(), ['GET /vocabularies/shapes', 'POST /vocabularies', 'GET /jobs/job-1/events']);
    const sent = String(service.requests[1]?.body);
    assert.match(sent, /"method":"csp","replace":false,"recipe":\{"epochs":2,"seed":7\}/);
    assert.match(sent, /metadata\.json[^]*images\/a\.png/);
    assert.match(errors, /^1 images, 0\.0 MB to send\n[^]*\nThe training is job job-1\n/);
    assert.match(errors, /\nepoch 1\/2 {2}choosing the number of epochs {2}loss 0\.5000 {2}validation AUC 40\.0\n/);
    assert.match(output, /^shapes: 2 attributes, 1 objects, 1 seen pairs\n[^]*70\.0 +80\.0 +60\.0 +50\.0 +1\.25\n$/);
  });

  it('leaves a line now and then of a training of many epochs', async () => {
    service = await TestService.start(({ method, path }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else if (path.startsWith('/vocabularies')) sendProblem(response, free);
      else {
        const epochs = Array.from({ length: 500 }, (_, index) => {
          const epoch = { stage: 'epochs', fraction: index / 500, epoch: index + 1, epochs: 500, loss: 0.5 };
          return ['progress', epoch] as [string, unknown];
        });
        sendEvents(response, ...epochs, ['result', vocabulary]);
      }
    });
    const { errors } = await new CommandProcess(words()).outcome();
    const told = errors.split('\n').filter((line) => line.startsWith('epoch '));
    assert.equal(told.length, 50);
    assert.match(told.at(-1) ?? '', /^epoch 500\/500/);
  });

  it('sends nothing when the name is taken, unless it is to be replaced', async () => {
    service = await TestService.start(({ method, path }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else if (path.startsWith('/vocabularies')) sendJson(response, 200, vocabulary);
      else sendEvents(response, ['result', vocabulary]);
    });
    const taken = await tessera(words());
    assert.equal(taken.code, 2);
    assert.match(taken.errors, /^There is a vocabulary "shapes" already; give --replace/);
    assert.deepEqual(asked(), ['GET /vocabularies/shapes']);
    assert.equal((await tessera(words('--replace'))).code, 0);
    assert.match(String(service.requests[1]?.body), /"replace":true/);
  });

  it('fails with the error of the job', async () => {
    service = await TestService.start(({ method }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else sendEvents(response, ['error', problemOf('TSR_TRAINING_SET_INVALID', 422, 'There is one pair.')]);
    });
    const { code, errors } = await tessera(words('--replace'));
    assert.equal(code, 1);
    assert.match(errors, /\nTSR_TRAINING_SET_INVALID: There is one pair\.\n$/);
  });

  it('cancels its job when it is interrupted', async () => {
    const following = new EventTarget();
    const followed = once(following, 'start');
    service = await TestService.start(({ method, path }, response) => {
      if (method !== 'GET') sendJson(response, 202, job);
      else if (path.endsWith('/events')) following.dispatchEvent(new Event('start'));
    });
    const command = new CommandProcess(words('--replace'));
    await Promise.race([followed, command.outcome()]);
    command.interrupt();
    const { code, output, errors } = await command.outcome();
    assert.deepEqual([code, output], [130, '']);
    assert.match(errors, /\nThe training was cancelled\n$/);
    assert.deepEqual(asked(), ['POST /vocabularies', 'GET /jobs/job-1/events', 'DELETE /jobs/job-1']);
  });
});
