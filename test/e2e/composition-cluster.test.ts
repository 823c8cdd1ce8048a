import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RedisServer, redisSkipReason } from '@tessera/runtime/testing';
import { writeShapes } from '../support/compositions.js';
import { linkModels } from '../support/models.js';
import { startProcess, type RunningProcess } from '../support/process.js';
import { bodyOf } from '../support/requests.js';
import { startGateway, startWorker, type HttpService } from '../support/services.js';

const options = { skip: redisSkipReason };
let directory: string;
let redis: RedisServer;
let environment: Record<string, string>;
let gateway: HttpService;
let workers: RunningProcess[];

before(async () => {
  if (redisSkipReason) return;
  directory = await mkdtemp(join(tmpdir(), 'tessera-training-'));
  await writeShapes(join(directory, 'shapes'), 12);
  redis = await RedisServer.start();
  environment = {
    REDIS_URL: redis.url,
    MODELS_DIR: linkModels('tessera-dual'),
    TESSERA_THREADS: '1',
    TESSERA_IMAGE_TTL_S: '1',
  };
  gateway = await startGateway(environment);
  workers = [await startWorker(environment)];
});

after(async () => {
  if (redisSkipReason) return;
  await Promise.all([gateway.process, ...workers].map((process) => process.stop('SIGKILL')));
  await redis.remove();
  await rm(directory, { recursive: true, force: true });
});

test('a training goes on at another worker when its own is killed, and ends once', options, async () => {
  const epochs = 40;
  const training = startProcess('node', [
    'packages/cli/bin/tessera.js',
    ...['vocabulary', 'train', join(directory, 'shapes'), '--name', 'survivor', '--epochs', `${epochs}`],
    ...['--url', gateway.url],
  ]);
  await training.waitForOutput(/epoch 3\/40/, 120_000);
  await workers[0]?.stop('SIGKILL');
  workers = [await startWorker(environment)];
  assert.equal(await training.exitCode(), 0, training.output());

  // No epoch is reported twice: the second worker did not start again. The report of the last one may be lost with the first worker.
  const all = Array.from({ length: epochs }, (_, index) => index + 1);
  const reported = [...training.output().matchAll(/^epoch (\d+)\/40/gm)].map(([, epoch]) => Number(epoch));
  assert.deepEqual(
    reported,
    all.filter((epoch) => reported.includes(epoch)),
  );
  assert.ok(reported.length >= epochs - 1, `epochs reported: ${reported.join(' ')}`);
  const vocabulary = await bodyOf(await fetch(`${gateway.url}/vocabularies/survivor`));
  assert.deepEqual(
    vocabulary.history.map(({ epoch }: { epoch: number }) => epoch),
    all,
  );
  const { vocabularies } = await bodyOf(await fetch(`${gateway.url}/vocabularies`));
  assert.deepEqual(
    vocabularies.map(({ name, status, job }: Record<string, unknown>) => [name, status, job]),
    [['survivor', 'trained', undefined]],
  );
});
