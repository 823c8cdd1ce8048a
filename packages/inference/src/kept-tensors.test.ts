import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Tensor } from 'onnxruntime-node';
import { KeptTensors } from './kept-tensors.js';

const sized = (bytes: number) => new Tensor('uint8', new Uint8Array(bytes), [bytes]);

test('the least recently used goes first', () => {
  const kept = new KeptTensors(100);
  kept.keep(new Map([['a', sized(40)]]));
  kept.keep(new Map([['b', sized(40)]]));
  assert.ok(kept.get('a'));
  kept.keep(new Map([['c', sized(40)]]));
  assert.ok(kept.holds(['a', 'c']));
  assert.ok(!kept.holds(['b']));
});

test('a tensor is disposed of once, when it is dropped or replaced', () => {
  const disposed: string[] = [];
  const value = (name: string) =>
    Tensor.fromGpuBuffer({} as never, { dataType: 'float32', dims: [10], dispose: () => disposed.push(name) });
  const kept = new KeptTensors(100);
  kept.keep(new Map([['a', value('a')]]));
  kept.keep(new Map([['b', value('b')]]));
  assert.deepEqual(disposed, []);
  kept.keep(new Map([['a', value('new a')]]));
  assert.deepEqual(disposed, ['a']);
  kept.keep(new Map([['c', value('c')]]));
  assert.deepEqual(disposed, ['a', 'b']);
});

test('asking whether keys are held touches them', () => {
  const kept = new KeptTensors(100);
  kept.keep(new Map([['a', sized(40)]]));
  kept.keep(new Map([['b', sized(40)]]));
  assert.ok(!kept.holds(['missing', 'a']));
  kept.keep(new Map([['c', sized(40)]]));
  assert.ok(kept.holds(['a', 'c']));
});

test('what can never be kept side by side is refused and drops nothing', () => {
  const kept = new KeptTensors(100);
  kept.keep(new Map([['a', sized(40)]]));
  const tooMuch = new Map([
    ['b', sized(60)],
    ['c', sized(60)],
  ]);
  assert.throws(() => {
    kept.keep(tooMuch);
  }, RangeError);
  assert.ok(kept.holds(['a']));
});

test('whatever is kept, the newest is there and the bytes stay within the limit', () => {
  const step = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), bytes: fc.nat({ max: 100 }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const kept = new KeptTensors(100);
      for (const { key, bytes: size } of steps) {
        kept.keep(new Map([[key, sized(size)]]));
        assert.equal(kept.get(key)?.size, size);
        const bytes = ['a', 'b', 'c', 'd', 'e'].reduce((sum, name) => sum + (kept.get(name)?.size ?? 0), 0);
        assert.ok(bytes <= 100, `${bytes} bytes are kept`);
      }
    }),
  );
});
