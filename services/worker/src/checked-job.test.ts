import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { jobKinds, type JobData, type TrainVocabularyJob } from '@tessera/contracts';
import { InvalidRunError } from '@tessera/inference';
import { createJobQueue, type JobQueue } from '@tessera/queue';
import { provideEmptyQueue, redisSkipReason, RedisServer } from '@tessera/runtime/testing';
import { checkedJobs } from './checked-job.js';

const segmentJob = { kind: 'segment', imageId: 'sha256:x', queries: ['a dog'], options: { refine: false } } as const;
const classifyJob = { kind: 'classify', imageIds: ['sha256:x'], options: { vocabulary: 'apparel' } } as const;
const trainingJob = { kind: 'train-vocabulary', name: 'shapes', method: 'csp', recipe: {} } as const;

const foreignRequests: [name: string, data: unknown, detail: RegExp][] = [
  ['null', null, /knows no jobs of the kind undefined/],
  ['a text', 'segment', /knows no jobs of the kind undefined/],
  ['no kind', {}, /knows no jobs of the kind undefined/],
  ['an unknown kind', { kind: 'caption' }, /knows no jobs of the kind "caption"/],
  ['a kind that every object has', { kind: 'constructor' }, /knows no jobs of the kind "constructor"/],
  ['a kind of the other queue', trainingJob, /knows no jobs of the kind "train-vocabulary"/],
  ['a missing field', { ...segmentJob, queries: undefined }, /segment job .*queries/],
  ['a missing option', { ...classifyJob, options: {} }, /classify job .*options/],
  ['an extra field', { ...segmentJob, language: 'de' }, /segment job/],
  ['an extra option', { ...segmentJob, options: { colour: 'red' } }, /segment job .*options/],
  ['a field of another type', { ...segmentJob, options: { threshold: '0.5' } }, /segment job .*\/options\/threshold/],
  ['an option of another type', { ...classifyJob, options: { vocabulary: 'x', top_k: 'all' } }, /\/options\/top_k/],
];
const foreignTrainings: [name: string, data: unknown, detail: RegExp][] = [
  ['a kind of the other queue', segmentJob, /knows no jobs of the kind "segment"/],
  ['an extra field', { ...trainingJob, teacher: 'x' }, /train-vocabulary job/],
  ['an unknown method', { ...trainingJob, method: 'lora' }, /train-vocabulary job .*method/],
];

for (const [backend, skip] of [
  ['embedded', false],
  ['Redis', redisSkipReason],
] as const) {
  describe(`jobs that a gateway of another version queued (${backend})`, { skip }, () => {
    let directory: string;
    let queueDirectory: string;
    let redis: RedisServer | undefined;
    let requests: JobQueue;
    let trainings: JobQueue<TrainVocabularyJob>;
    const handled: unknown[] = [];
    let number = 0;

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), 'tessera-versions-'));
      queueDirectory = join(directory, 'queue');
      provideEmptyQueue(queueDirectory);
      if (backend === 'Redis') redis = await RedisServer.start();
      const connection =
        redis === undefined
          ? ({ kind: 'embedded', directory: queueDirectory } as const)
          : ({ kind: 'redis', url: redis.url } as const);
      const options = { connection, retryDelayMs: 20, onError: assert.ifError };
      requests = await createJobQueue({ ...options, name: 'requests' });
      trainings = await createJobQueue<TrainVocabularyJob>({ ...options, name: 'trainings' });
      const handle = (job: { data: unknown }) => {
        handled.push(job.data);
        return Promise.resolve('done');
      };
      requests.process(checkedJobs(jobKinds.requests, handle), { concurrency: 1 });
      trainings.process(checkedJobs(jobKinds.trainings, handle), { concurrency: 1 });
    });

    after(async () => {
      await Promise.all([requests.close(), trainings.close()]);
      await redis?.remove();
      await rm(directory, { recursive: true });
    });

    async function outcomeOf<Data>(queue: JobQueue<Data>, data: unknown) {
      const id = `job-${number++}`;
      await queue.add(data as Data, { id, priority: 'normal' });
      return (await queue.waitFor(id, { timeoutMs: 20_000 })) ?? assert.fail('the job has not ended');
    }

    it('run when they match', async () => {
      assert.equal((await outcomeOf(requests, segmentJob)).status, 'succeeded');
      assert.equal((await outcomeOf(requests, classifyJob)).status, 'succeeded');
      assert.equal((await outcomeOf(requests, { kind: 'canary' })).status, 'succeeded');
      assert.equal((await outcomeOf(trainings, trainingJob)).status, 'succeeded');
      assert.deepEqual(handled.splice(0), [segmentJob, classifyJob, { kind: 'canary' }, trainingJob]);
    });

    it('fail otherwise, once, and say that versions differ and what to do', async () => {
      const cases = [
        ...foreignRequests.map((row) => [requests, ...row] as const),
        ...foreignTrainings.map((row) => [trainings, ...row] as const),
      ];
      for (const [queue, name, data, detail] of cases) {
        const { status, error } = await outcomeOf<never>(queue as JobQueue<never>, data);
        assert.equal(status, 'failed', name);
        assert.equal(error?.code, 'TSR_VERSION_MISMATCH', name);
        assert.match(error.detail, detail, name);
        assert.match(error.detail, /another version of Tessera; bring gateways and workers to the same version/);
      }
      assert.deepEqual(handled, []);
    });

    it('are not run again when the model does not take them', async () => {
      const id = `invalid-${backend}`;
      const attempts: number[] = [];
      const connection =
        redis === undefined
          ? ({ kind: 'embedded', directory: queueDirectory } as const)
          : ({ kind: 'redis', url: redis.url } as const);
      const queue = await createJobQueue({ name: 'invalid', connection, retryDelayMs: 20, onError: assert.ifError });
      queue.process(
        (job) => {
          attempts.push(job.attempt);
          throw new InvalidRunError('the bundle at /secret/place: input "x" takes float32');
        },
        { concurrency: 1 },
      );
      await queue.add(segmentJob as unknown as JobData, { id, priority: 'normal' });
      const failed = await queue.waitFor(id, { timeoutMs: 20_000 });
      await queue.close();
      assert.equal(failed?.error?.code, 'TSR_RUN_INVALID');
      assert.doesNotMatch(failed.error.detail, /secret/);
      assert.deepEqual(attempts, [1]);
    });
  });
}
