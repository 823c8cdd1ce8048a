import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  type BlobStore,
  claimVocabulary,
  getVocabularyClaim,
  openFileBlobStore,
  putTrainingExamples,
  putTrainingImage,
  resultKey,
  vocabularyKey,
} from '@tessera/blob-store';
import { parseVocabulary, type Vocabulary } from '@tessera/composition';
import {
  parseConfig,
  TesseraError,
  type ErrorCode,
  type ModelDescription,
  type StoredExample,
  type TrainVocabularyJob,
} from '@tessera/contracts';
import type { CompositionModel } from '@tessera/dual-encoder';
import type { RunningJob } from '@tessera/queue';
import { createTrainingHandler } from './training-handler.js';

type Train = CompositionModel['trainVocabulary'];

const config = parseConfig({});
const expiry = { ttlMs: config.TESSERA_TRAINING_TTL_S * 1000 };
const data: TrainVocabularyJob = { kind: 'train-vocabulary', name: 'shapes', method: 'csp', recipe: { epochs: 2 } };
const vocabulary: Vocabulary = {
  name: 'shapes',
  model: 'tessera-dual',
  method: 'csp',
  attributes: ['blue', 'red'],
  objects: ['ball'],
  seen_pairs: [['red', 'ball']],
  logit_scale: 100,
  base: { name: 'tessera-dual', sha256: '0'.repeat(64) },
  learned: { rows: 3, width: 2, values: Float32Array.from([1, 2, 3, 4, 5, 6]) },
};
const model: ModelDescription = {
  name: 'tessera-dual',
  version: '1',
  task: 'composition',
  description: '',
  license: '',
  default: true,
  provenance: [],
};
const checkpoint = Buffer.from('a checkpoint');
const pictures = [
  { bytes: Buffer.from('red ball'), attributes: ['red'], object: 'ball', set: 'train' as const },
  { bytes: Buffer.from('blue ball'), attributes: ['blue'], object: 'ball', set: 'val' as const },
];

let directory: string;
let blobs: BlobStore;
let clockMs: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-worker-'));
  clockMs = Date.now();
  blobs = await openFileBlobStore({ directory, onError: assert.ifError, now: () => clockMs });
});

afterEach(async () => {
  await blobs.close();
  await rm(directory, { recursive: true });
});

/** What the gateway leaves for a training that it has queued. */
async function accept(): Promise<void> {
  const examples: StoredExample[] = [];
  for (const { bytes, ...labels } of pictures) {
    examples.push({ image: await putTrainingImage(blobs, 'job', bytes, expiry), ...labels });
  }
  await putTrainingExamples(blobs, 'job', examples, expiry);
  assert.ok(await claimVocabulary(blobs, data.name, { job: 'job', isUploading: false }, expiry));
}

interface Attempt extends Partial<RunningJob<TrainVocabularyJob>> {
  readonly reported?: object[];
}

/** Runs the handler on a job, as the queue would, with a model that trains like this; the key of the result. */
function handle(trainVocabulary: Train, { reported = [], ...attempt }: Attempt = {}): Promise<string> {
  const missing = () => assert.fail('a training needs nothing else of its model');
  const others = { warmUp: missing, classify: missing, embedImages: missing, embedCandidates: missing };
  const pipeline = { trainVocabulary, ...others };
  const models = { descriptions: [model], find: () => ({ description: model, pipeline }) };
  const handler = createTrainingHandler(config, models, blobs);
  return handler({
    id: 'job',
    data,
    attempt: 1,
    failures: 0,
    isLastAttempt: false,
    enqueuedAt: clockMs,
    earlierProgress: null,
    signal: new AbortController().signal,
    throwIfCancelled() {
      this.signal.throwIfAborted();
      return Promise.resolve();
    },
    progress: (progress) => Promise.resolve(void reported.push(progress)),
    ...attempt,
  });
}

const succeed: Train = () => Promise.resolve(vocabulary);
const fail =
  (error: Error): Train =>
  async (_task, hooks) => {
    await hooks?.saveCheckpoint?.(checkpoint);
    throw error;
  };

/** Everything that the training has left, its claim included, by the kind of it. */
async function traces(): Promise<string[]> {
  const keys = [...(await blobs.list('training/')), ...(await blobs.list('vocabulary-claims/'))];
  const kinds = keys.map((key) => key.replace(/[0-9a-f]{64}/, 'image').replace('training/job/', ''));
  return kinds.sort();
}

const allTraces = ['checkpoint', 'examples', 'image', 'image', 'vocabulary-claims/shapes'];

async function published(): Promise<boolean> {
  return (await blobs.has(vocabularyKey('shapes'))) || (await blobs.has(resultKey('job')));
}

function isCode(code: ErrorCode): (error: unknown) => boolean {
  return (error) => TesseraError.isInstance(error) && error.code === code;
}

describe('a training that succeeds', () => {
  it('is given the task with its images, and tells of its epochs', async () => {
    await accept();
    const reported: object[] = [];
    await handle(
      async (task, hooks) => {
        assert.deepEqual([task.name, task.method, task.recipe], ['shapes', 'csp', { epochs: 2 }]);
        const read = task.examples.map(async ({ image, ...labels }) => ({ bytes: await image.read(), ...labels }));
        assert.deepEqual(await Promise.all(read), pictures);
        assert.equal(await hooks?.loadCheckpoint?.(), undefined);
        hooks?.onProgress?.({ stage: 'epoch', epoch: 1, epochs: 2, phase: 'choice', loss: 0.5 });
        return vocabulary;
      },
      { reported },
    );
    assert.deepEqual(reported, [
      { stage: 'epochs', fraction: 0.75, epoch: 1, epochs: 2, phase: 'choice', loss: 0.5, milestones: [] },
    ]);
  });

  it('stores the vocabulary for good and its description as the result, and is forgotten', async () => {
    await accept();
    assert.equal(await handle(succeed), resultKey('job'));
    const result = (await blobs.get(resultKey('job'))) ?? assert.fail('there is no result');
    const { name, seen_pairs: pairs, learned } = JSON.parse(Buffer.from(result).toString());
    assert.deepEqual([name, pairs, learned], ['shapes', [['red', 'ball']], undefined]);
    assert.deepEqual(await traces(), []);
    clockMs += 100 * expiry.ttlMs;
    const file = (await blobs.get(vocabularyKey('shapes'))) ?? assert.fail('there is no vocabulary');
    assert.deepEqual(parseVocabulary(file), vocabulary);
  });

  it('claims its name itself when nobody has done so', async () => {
    await accept();
    await blobs.delete('vocabulary-claims/shapes');
    await handle(async () => {
      assert.deepEqual(await getVocabularyClaim(blobs, 'shapes'), { job: 'job', isUploading: false });
      return vocabulary;
    });
    assert.deepEqual(await traces(), []);
  });

  it('is not trained again by an attempt that finds its result; what the earlier one left is removed', async () => {
    await accept();
    await blobs.put(resultKey('job'), Buffer.from('{}'), expiry);
    assert.equal(await handle(() => assert.fail('it was trained again'), { attempt: 2 }), resultKey('job'));
    assert.deepEqual(await traces(), []);
  });
});

describe('a training that fails', () => {
  it('for good leaves nothing behind', async () => {
    const causes: [error: Error, attempt: Attempt][] = [
      [new TesseraError('TSR_TRAINING_SET_INVALID', 'There is one pair.'), {}],
      [new Error('the process is gone'), { isLastAttempt: true }],
    ];
    for (const [error, attempt] of causes) {
      await accept();
      await assert.rejects(handle(fail(error), attempt), error);
      assert.deepEqual(await traces(), []);
      assert.equal(await published(), false);
    }
  });

  it('for now keeps its examples, its claim and its checkpoint, with which the next attempt goes on', async () => {
    await accept();
    const causes: [error: Error, attempt: Attempt][] = [
      [new Error('the process is gone'), {}],
      [new TesseraError('TSR_INFERENCE_FAILED', 'It crashed.'), {}],
      // The queue counts it as no attempt.
      [new TesseraError('TSR_QUEUE_UNAVAILABLE', 'The store is full.'), { isLastAttempt: true }],
    ];
    for (const [error, attempt] of causes) {
      await assert.rejects(handle(fail(error), attempt), error);
      assert.deepEqual(await traces(), allTraces);
      assert.equal(await published(), false);
    }
    await handle(
      async (_task, hooks) => {
        assert.deepEqual(Buffer.from((await hooks?.loadCheckpoint?.()) ?? []), checkpoint);
        return vocabulary;
      },
      { attempt: 2 },
    );
    assert.deepEqual(await traces(), []);
  });

  it('because its examples have expired says so', async () => {
    await accept();
    clockMs += expiry.ttlMs + 1;
    const train = () => assert.fail('there was nothing to train on');
    await assert.rejects(handle(train), isCode('TSR_TRAINING_SET_INVALID'));
    assert.deepEqual(await traces(), []);
  });

  it('because an image has expired says so', async () => {
    await accept();
    const train: Train = async ({ examples }) => {
      clockMs += expiry.ttlMs + 1;
      await examples[0]?.image.read();
      return vocabulary;
    };
    await assert.rejects(handle(train), isCode('TSR_TRAINING_SET_INVALID'));
    assert.equal(await published(), false);
  });
});

describe('a training whose name another one has claimed', () => {
  const other = { job: 'other', isUploading: false };

  it('before it starts does not start', async () => {
    await accept();
    await blobs.delete('vocabulary-claims/shapes');
    await claimVocabulary(blobs, 'shapes', other, expiry);
    await assert.rejects(
      handle(() => assert.fail('it was trained')),
      isCode('TSR_VOCABULARY_CONFLICT'),
    );
    assert.deepEqual(await traces(), ['vocabulary-claims/shapes']);
    assert.deepEqual(await getVocabularyClaim(blobs, 'shapes'), other);
  });

  it('while it runs publishes nothing and leaves the claim to the other', async () => {
    await accept();
    const train: Train = async () => {
      await blobs.delete('vocabulary-claims/shapes');
      await claimVocabulary(blobs, 'shapes', other, expiry);
      return vocabulary;
    };
    await assert.rejects(handle(train), isCode('TSR_VOCABULARY_CONFLICT'));
    assert.equal(await published(), false);
    assert.deepEqual(await traces(), ['vocabulary-claims/shapes']);
    assert.deepEqual(await getVocabularyClaim(blobs, 'shapes'), other);
  });
});

describe('a training that is interrupted', () => {
  /** Is aborted while it trains; stops as the real one does, or finishes. */
  async function interrupt(reason: Error, isHeeded: boolean): Promise<void> {
    const controller = new AbortController();
    const train: Train = async (_task, hooks) => {
      await hooks?.saveCheckpoint?.(checkpoint);
      controller.abort(reason);
      if (isHeeded) hooks?.signal?.throwIfAborted();
      return vocabulary;
    };
    await accept();
    await assert.rejects(handle(train, { signal: controller.signal, isLastAttempt: true }), reason);
    assert.equal(await published(), false);
  }

  for (const isHeeded of [true, false]) {
    const moment = isHeeded ? 'between two steps' : 'after its last step';
    it(`${moment} because it was cancelled leaves nothing behind`, async () => {
      await interrupt(new TesseraError('TSR_JOB_CANCELLED', 'The job was cancelled.'), isHeeded);
      assert.deepEqual(await traces(), []);
    });

    it(`${moment} because its worker drains keeps everything for another worker, also on its last attempt`, async () => {
      await interrupt(new Error('draining'), isHeeded);
      assert.deepEqual(await traces(), allTraces);
    });
  }
});
