import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { HostTensor, ImageOutputs, SharedOutputs } from '@tessera/inference';
import sharp from 'sharp';
import { createSegmenter } from './create-segmenter.js';
import type { Segmenter } from './segmenter.js';
import { signPicture } from './test-picture.js';
import { startTestRunner, type ObservedRunner } from '../test-runner.js';

const query = 'the stop sign';
const visionGraphs = ['detector', 'image_encoder'];

/** What a worker has stored, in memory, and what every lookup found. */
class SharedMemory implements SharedOutputs {
  readonly found: ('hit' | 'miss' | 'invalid')[] = [];
  readonly stored = new Map<string, ImageOutputs>();
  #waiting: (() => Promise<void>)[] = [];

  find(key: string, fits: (outputs: ImageOutputs) => boolean): Promise<ImageOutputs | undefined> {
    const outputs = this.stored.get(key);
    const isHit = outputs !== undefined && fits(outputs);
    this.found.push(isHit ? 'hit' : outputs === undefined ? 'miss' : 'invalid');
    return Promise.resolve(isHit ? outputs : undefined);
  }

  store(key: string, collect: () => Promise<ImageOutputs | undefined>): void {
    this.#waiting.push(async () => {
      this.stored.set(key, (await collect()) ?? assert.fail('the outputs are gone'));
    });
  }

  async release(): Promise<void> {
    for (const write of this.#waiting.splice(0)) await write();
    this.found.length = 0;
  }
}

/** A worker of its own: an inference process and what its pipeline remembers. */
interface TestWorker {
  readonly runner: ObservedRunner;
  readonly segmenter: Segmenter;
}

async function startWorker(): Promise<TestWorker> {
  const { bundle, runner } = await startTestRunner('tessera-mini');
  return { runner, segmenter: await createSegmenter(bundle, runner) };
}

describe('an image that another worker has seen', () => {
  let first: TestWorker;
  let second: TestWorker;
  let picture: Buffer;
  let images = 0;

  const fresh = (bytes: Uint8Array = picture) => {
    images += 1;
    return { id: `shared-${images}`, read: () => Promise.resolve(bytes) };
  };
  const unreadable = (id: string) => ({ id, read: () => Promise.reject(new Error('the image is not needed')) });

  before(async () => {
    picture = await signPicture();
    [first, second] = await Promise.all([startWorker(), startWorker()]);
  });

  after(() => Promise.all([first.runner.close(), second.runner.close()]));

  it('is neither read nor seen again, and the answer is the same', async () => {
    const [shared, image] = [new SharedMemory(), fresh()];
    const one = await first.segmenter.segment(image, { queries: [query] }, { shared });
    assert.equal(one.embedding, 'computed');
    assert.deepEqual(shared.found, ['miss', 'miss']);
    await shared.release();

    const count = second.runner.runs.length;
    const other = await second.segmenter.segment(unreadable(image.id), { queries: [query] }, { shared });
    assert.equal(other.embedding, 'shared');
    assert.deepEqual(shared.found, ['hit', 'hit']);
    assert.deepEqual(other.results, one.results);
    assert.deepEqual(other.image, one.image);
    assert.ok(one.results[0]?.present);
    const ran = second.runner.graphsSince(count);
    assert.deepEqual(
      visionGraphs.filter((graph) => ran.includes(graph)),
      [],
    );
    assert.equal(other.timingsMs.decode, 0);

    const kept = await second.segmenter.segment(unreadable(image.id), { queries: ['the sign'] }, { shared });
    assert.equal(kept.embedding, 'kept');
    assert.equal(shared.found.length, 2, 'what is here already is not looked up');
  });

  it('is asked about by clicks alone, without detections', async () => {
    const [shared, image] = [new SharedMemory(), fresh()];
    const question = { queries: [], prompts: [{ box: [110, 40, 100, 100] as [number, number, number, number] }] };
    const one = await first.segmenter.segment(image, question, { shared });
    await shared.release();
    assert.equal(shared.stored.size, 1);
    // A click is checked against the image's size, before anything else is known of it.
    const other = await second.segmenter.segment(image, question, { shared });
    assert.deepEqual([other.embedding, other.results], ['shared', one.results]);
  });

  it('gets its embedding here when the other worker only detected', async () => {
    const [shared, image] = [new SharedMemory(), fresh()];
    await first.segmenter.segment(image, { queries: [query], options: { refine: false } }, { shared });
    await shared.release();
    const count = second.runner.runs.length;
    const answer = await second.segmenter.segment(image, { queries: [query] }, { shared });
    assert.equal(answer.embedding, 'computed');
    const ran = second.runner.graphsSince(count);
    assert.deepEqual(
      visionGraphs.filter((graph) => ran.includes(graph)),
      ['image_encoder'],
    );
  });

  it('may be a strip that the detector sees in several views', async () => {
    const strip = await sharp(picture).extend({ left: 700, right: 900, background: '#6b8f5a' }).png().toBuffer();
    const [shared, image] = [new SharedMemory(), fresh(strip)];
    const one = await first.segmenter.segment(image, { queries: [query] }, { shared });
    await shared.release();
    const other = await second.segmenter.segment(unreadable(image.id), { queries: [query] }, { shared });
    assert.deepEqual(shared.found, ['hit', 'hit']);
    assert.deepEqual(other.results, one.results);
  });

  it('is read for its colours alone', async () => {
    const [shared, image] = [new SharedMemory(), fresh()];
    const queries = ['the red stop sign', 'the blue stop sign'];
    const one = await first.segmenter.segment(image, { queries }, { shared });
    await shared.release();
    const other = await second.segmenter.segment(image, { queries }, { shared });
    assert.deepEqual([other.embedding, other.results], ['shared', one.results]);
  });

  it('is seen again when what is stored does not fit', async () => {
    const [shared, image] = [new SharedMemory(), fresh()];
    const one = await first.segmenter.segment(image, { queries: [query] }, { shared });
    await shared.release();
    const wrong = (tensor: HostTensor): HostTensor => ({ ...tensor, dims: [1, ...tensor.dims] });
    for (const [key, { size, tensors }] of shared.stored) {
      const changed = Object.entries(tensors).map(([name, tensor]) => [name, wrong(tensor)] as const);
      shared.stored.set(key, { ...(size && { size }), tensors: Object.fromEntries(changed) });
    }
    const other = await second.segmenter.segment(image, { queries: [query] }, { shared });
    assert.deepEqual(shared.found, ['invalid', 'invalid']);
    assert.equal(other.embedding, 'computed');
    assert.deepEqual(other.results, one.results);
    await shared.release();
    // And stored anew.
    for (const { size } of shared.stored.values()) {
      assert.deepEqual([size?.width, size?.height], [one.image.width, one.image.height]);
    }
  });
});
