import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  pairCandidates,
  parseVocabulary,
  readSafetensors,
  serializeVocabulary,
  tensorValues,
} from '@tessera/composition';
import type { TrainingMethod, TrainingRecipe } from '@tessera/contracts';
import { loadBundle, startInferenceRunner, type HostTensor } from '@tessera/inference';
import sharp from 'sharp';
import { normalizeRows } from '../encoders/normalize-rows.js';
import type { CompositionModel } from '../pipeline/composition-model.js';
import { createCompositionModel } from '../pipeline/create-composition-model.js';
import { ObservedRunner } from '../pipeline/test-bundle.js';
import type { TrainingExample, TrainingProgress } from './training.js';

/** As training/golden/make_soft_prompt_vectors.py writes them; arrays in base64. */
interface Vectors {
  readonly texts: readonly { readonly text: string; readonly embedding: string }[];
  readonly step: Readonly<Record<'inputs' | 'outputs', Readonly<Record<string, StoredTensor>>>>;
  readonly pictures: string;
  readonly examples: readonly {
    readonly attributes: string[];
    readonly object: string;
    readonly set: 'train' | 'val';
  }[];
  readonly trainings: readonly {
    readonly method: Exclude<TrainingMethod, 'clip'>;
    readonly recipe: TrainingRecipe;
    readonly examples: readonly number[];
    readonly loss: readonly number[];
    readonly validation: readonly { readonly auc: number }[];
    readonly theta: string;
  }[];
}

interface StoredTensor {
  readonly type: 'float32' | 'int64';
  readonly dims: readonly number[];
  readonly data: string;
}

const directory = fileURLToPath(new URL('../../test-vectors/', import.meta.url));
const pictureSide = 8;

function bytesOf(text: string): ArrayBuffer {
  return new Uint8Array(Buffer.from(text, 'base64')).buffer;
}

function floatsOf(text: string): Float32Array {
  return new Float32Array(bytesOf(text));
}

/** Length of the difference in shares of the expected length. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  assert.equal(actual.length, expected.length);
  return Math.hypot(...expected.map((value, index) => value - (actual[index] ?? NaN))) / Math.hypot(...expected);
}

describe('the training of soft prompts', () => {
  let vectors: Vectors;
  let runner: ObservedRunner;
  let model: CompositionModel;
  let examples: TrainingExample[];

  const examplesOf = (indexes: readonly number[]) => indexes.map((index) => examples[index] ?? assert.fail());
  const csp = () => vectors.trainings[0] ?? assert.fail();
  const withoutValidation = () => examplesOf(csp().examples).filter(({ set }) => set === 'train');

  before(async () => {
    vectors = JSON.parse(await readFile(`${directory}soft-prompts.json`, 'utf8')) as Vectors;
    const bundle = await loadBundle(`${directory}dual-encoder`);
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
    runner = new ObservedRunner(
      await startInferenceRunner({ bundles: [bundle], executionProviders: ['cpu'], runTimeoutMs: 120_000, log }),
    );
    model = await createCompositionModel(bundle, runner);
    const pictureBytes = pictureSide * pictureSide * 3;
    const pixels = new Uint8Array(bytesOf(vectors.pictures));
    examples = vectors.examples.map((example, index) => ({
      ...example,
      image: {
        id: `picture-${index}`,
        read: () =>
          sharp(pixels.slice(index * pictureBytes, (index + 1) * pictureBytes), {
            raw: { width: pictureSide, height: pictureSide, channels: 3 },
          })
            .png()
            .toBuffer(),
      },
    }));
  });

  after(() => runner.close());

  it('takes the step that PyTorch takes', async () => {
    const feeds = Object.entries(vectors.step.inputs).map(([name, { type, dims, data }]): [string, HostTensor] => {
      const bytes = bytesOf(data);
      return [name, { type, dims, data: type === 'int64' ? new BigInt64Array(bytes) : new Float32Array(bytes) }];
    });
    const { outputs } = await runner.run({
      bundle: 'small-dual',
      graph: 'soft_prompt_step',
      feeds: Object.fromEntries(feeds),
    });
    for (const [name, expected] of Object.entries(vectors.step.outputs)) {
      const actual = outputs[name]?.data;
      assert.ok(actual instanceof Float32Array);
      const error = relativeError(actual, floatsOf(expected.data));
      assert.ok(error <= 1e-4, `${name} is off by ${error}`);
    }
  });

  it('embeds captions as PyTorch does', async () => {
    for (const { text, embedding } of vectors.texts.slice(0, 3)) {
      const pair = text.replace('a photo of ', '').split(' ');
      const { values, width } = await model.embedCandidates(pairCandidates([pair]), { attributes: [], objects: [] });
      assert.ok(values instanceof Float32Array);
      assert.ok(relativeError(values, normalizeRows(floatsOf(embedding), width)) <= 1e-4);
    }
  });

  for (const [number, name] of ['csp', 'coop', 'csp with two attributes'].entries()) {
    it(`has the losses, the validation and the rows of a PyTorch run: ${name}`, async () => {
      const { method, recipe, examples: indexes, loss, validation, theta } = vectors.trainings[number] ?? assert.fail();
      let last = new Uint8Array();
      const { history = [] } = await model.trainVocabulary(
        { name, method, examples: examplesOf(indexes), recipe },
        {
          saveCheckpoint: (checkpoint) => {
            last = Uint8Array.from(checkpoint);
            return Promise.resolve();
          },
        },
      );
      assert.deepEqual(
        history.map(({ epoch }) => epoch),
        [...loss.keys()].map((index) => index + 1),
      );
      for (const [index, epoch] of history.entries()) {
        const expected = loss[index] ?? NaN;
        assert.ok(
          Math.abs(epoch.loss - expected) <= 0.01 * expected,
          `epoch ${epoch.epoch}: ${epoch.loss}, ${expected}`,
        );
        assert.ok(Math.abs((epoch.validation_auc ?? NaN) - (validation[index]?.auc ?? NaN)) <= 0.02);
      }
      const rows = readSafetensors(last).tensors.get('theta') ?? assert.fail();
      assert.ok(relativeError(tensorValues(rows), floatsOf(theta)) <= 1e-2);
    });
  }

  it('keeps the best epoch on the validation set', async () => {
    const { method, recipe, examples: indexes } = csp();
    const vocabulary = await model.trainVocabulary({ name: 'best', method, examples: examplesOf(indexes), recipe });
    const aucs = vocabulary.history?.map(({ validation_auc: auc = 0 }) => auc) ?? [];
    assert.equal(vocabulary.metrics?.auc, Math.max(...aucs));
    assert.deepEqual(vocabulary.attributes, ['blue', 'green', 'red']);
    assert.deepEqual(vocabulary.objects, ['dress', 'hat', 'shirt', 'shoes']);
    assert.equal(vocabulary.seen_pairs.length, 10);
    assert.deepEqual([vocabulary.learned?.rows, vocabulary.model, vocabulary.name], [7, 'small-dual', 'best']);
    assert.deepEqual(parseVocabulary(serializeVocabulary(vocabulary)), vocabulary);
  });

  it('comes to the same when it is interrupted after any epoch', async () => {
    const { method, recipe } = csp();
    const task = { name: 'resumed', method, examples: withoutValidation(), recipe: { ...recipe, epochs: 3 } };
    const checkpoints: Uint8Array[] = [];
    const whole = await model.trainVocabulary(task, {
      saveCheckpoint: (checkpoint) => {
        checkpoints.push(Uint8Array.from(checkpoint));
        return Promise.resolve();
      },
    });
    assert.ok(checkpoints.length > 4, 'nothing was learnt after the choice of the number of epochs');
    for (const checkpoint of checkpoints) {
      const other = await createCompositionModel(await loadBundle(`${directory}dual-encoder`), runner);
      const count = runner.runs.length;
      const resumed = await other.trainVocabulary(task, { loadCheckpoint: () => Promise.resolve(checkpoint) });
      assert.deepEqual(resumed, whole);
      assert.ok(!runner.graphsSince(count).includes('image_encoder'), 'images were embedded again');
    }
  });

  it('starts anew from a checkpoint that is damaged or of another task', async () => {
    const { method, recipe } = csp();
    const task = { name: 'anew', method, examples: withoutValidation(), recipe: { ...recipe, epochs: 1 } };
    let other = new Uint8Array();
    const whole = await model.trainVocabulary(task, {
      saveCheckpoint: (checkpoint) => {
        other = Uint8Array.from(checkpoint);
        return Promise.resolve();
      },
    });
    for (const checkpoint of [other.slice(0, 1000), Buffer.from('nothing')]) {
      assert.deepEqual(await model.trainVocabulary(task, { loadCheckpoint: () => Promise.resolve(checkpoint) }), whole);
    }
    const seeded = { ...task, recipe: { ...task.recipe, seed: 8 } };
    const fresh = await model.trainVocabulary(seeded);
    assert.notDeepEqual(fresh.learned, whole.learned);
    assert.deepEqual(await model.trainVocabulary(seeded, { loadCheckpoint: () => Promise.resolve(other) }), fresh);
  });

  it('stops before the next step when it is cancelled', async () => {
    const { method, recipe } = csp();
    const controller = new AbortController();
    const count = runner.runs.length;
    runner.beforeRun = () => {
      if (runner.graphsSince(count).filter((graph) => graph === 'soft_prompt_step').length === 2) {
        controller.abort(new Error('cancelled'));
      }
    };
    await assert.rejects(
      model.trainVocabulary(
        { name: 'cancelled', method, examples: withoutValidation(), recipe },
        { signal: controller.signal },
      ),
      { message: 'cancelled' },
    );
    runner.beforeRun = () => undefined;
    assert.equal(runner.graphsSince(count).filter((graph) => graph === 'soft_prompt_step').length, 3);
  });

  it('holds some examples out when none are for validation, and then learns from all', async () => {
    const { method, recipe } = csp();
    const progress: TrainingProgress[] = [];
    const vocabulary = await model.trainVocabulary(
      { name: 'all', method, examples: withoutValidation(), recipe: { ...recipe, epochs: 4 } },
      { onProgress: (report) => progress.push(report) },
    );
    assert.equal(vocabulary.seen_pairs.length, 10);
    const epochs = progress.flatMap((report) => (report.stage === 'epoch' ? [report] : []));
    const measured = epochs.filter(({ validation_auc: auc }) => auc !== undefined);
    assert.equal(measured.length, 4);
    const best = measured.reduce((one, other) =>
      (other.validation_auc ?? 0) > (one.validation_auc ?? 0) ? other : one,
    );
    assert.equal(epochs.length, 4 + best.epoch);
    assert.equal(vocabulary.metrics?.auc, best.validation_auc);
    const shares = epochs.map(({ epoch, epochs: inAll }) => epoch / inAll);
    assert.deepEqual(
      shares,
      [...shares].sort((one, other) => one - other),
    );
    assert.equal(shares.at(-1), 1);
    const phases = epochs.map(({ phase }) => phase);
    assert.deepEqual(phases, [...Array(4).fill('choice'), ...Array(best.epoch).fill('final')]);
  });

  it('learns from a set too small to hold anything out', async () => {
    const { method, recipe, examples: indexes } = csp();
    const few = examplesOf(indexes).filter(({ attributes, object, set }, index, all) => {
      const isFirst =
        all.findIndex((other) => other.object === object && other.attributes.join() === attributes.join()) === index;
      return set === 'train' && isFirst && ['blue dress', 'red shirt'].includes(`${attributes.join()} ${object}`);
    });
    assert.equal(few.length, 2);
    const counted: (readonly [epoch: number, of: number, phase: string | undefined])[] = [];
    const onProgress = (report: TrainingProgress) => {
      if (report.stage === 'epoch') counted.push([report.epoch, report.epochs, report.phase]);
    };
    const vocabulary = await model.trainVocabulary({ name: 'few', method, examples: few, recipe }, { onProgress });
    assert.deepEqual(counted.at(-1), [recipe.epochs, recipe.epochs, undefined]);
    assert.equal(vocabulary.metrics, undefined);
    assert.equal(vocabulary.history?.length, recipe.epochs);
    assert.ok(vocabulary.learned?.values.every(Number.isFinite));
  });

  it('measures clip without learning', async () => {
    const count = runner.runs.length;
    const vocabulary = await model.trainVocabulary({
      name: 'clip',
      method: 'clip',
      examples: examplesOf(csp().examples),
    });
    assert.equal(vocabulary.learned, undefined);
    assert.deepEqual(vocabulary.history, []);
    assert.ok(vocabulary.metrics && vocabulary.metrics.auc > 0);
    assert.ok(!runner.graphsSince(count).includes('soft_prompt_step'));
    assert.equal(vocabulary.seen_pairs.length, 10);
  });

  it('leaves the set test out, and names the example whose image does not decode', async () => {
    const { method, recipe, examples: indexes } = csp();
    const broken = { id: 'broken', read: () => Promise.resolve(Buffer.from('no picture')) };
    const unread: TrainingExample = { image: broken, attributes: ['red'], object: 'car', set: 'test' };
    const few = { ...recipe, epochs: 1 };
    const vocabulary = await model.trainVocabulary({
      name: 'tested',
      method,
      examples: [unread, ...examplesOf(indexes)],
      recipe: few,
    });
    assert.deepEqual(vocabulary.objects, ['dress', 'hat', 'shirt', 'shoes']);
    const task = { name: 'broken', method, recipe: few };
    await assert.rejects(
      model.trainVocabulary({ ...task, examples: [unread, ...examplesOf(indexes), { ...unread, set: 'train' }] }),
      (error: { code?: string; fields?: { pointer: string }[] }) =>
        error.code === 'TSR_IMAGE_FORMAT_UNSUPPORTED' &&
        error.fields?.[0]?.pointer === `/examples/${indexes.length + 1}/image`,
    );
  });
});
