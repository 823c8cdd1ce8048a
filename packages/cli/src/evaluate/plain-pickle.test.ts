import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PickleError, readPlainPickle } from './plain-pickle.js';

/** Written by training/golden/make_refs_pickles.py. */
const vectors = new URL('../../test-vectors/', import.meta.url);
const references = [
  {
    sent_ids: [1, 2],
    file_name: 'COCO_train2014_000000000007_70.jpg',
    ann_id: 70,
    ref_id: 3_000_000_000,
    image_id: 7,
    split: 'val',
    category_id: 18,
    sentences: [
      { tokens: ['left', 'one'], raw: 'Left one', sent_id: 1, sent: 'left one ' },
      { tokens: ['the', "dog's", 'naïve', '🐕'], raw: '', sent_id: -2, sent: 'the dog\'s "naïve" 🐕' },
    ],
    extra: [true, false, null, 0.5, [], ['a'], ['a', 'b'], ['a', 'b', 'c'], ['a', 'b', 'c', 'd'], {}, 70_000],
  },
];

const bytes = (text: string) => Buffer.from(text, 'latin1');

describe('a pickle of plain values', async () => {
  const names = (await readdir(vectors)).filter((name) => name.endsWith('.p'));

  for (const name of names) {
    it(`is read as Python wrote it: ${name}`, async () => {
      assert.deepEqual(readPlainPickle(await readFile(new URL(name, vectors))), references);
    });
  }

  it('is there in every protocol', () => {
    assert.equal(names.length, 9);
  });

  it('cannot name code, in any of the ways that pickles have', () => {
    for (const text of [
      "cos\nsystem\n(S'true'\ntR.", // GLOBAL
      "(S'true'\nios\nsystem\n.", // INST
      '\x80\x04\x8c\x02os\x8c\x06system\x93.', // STACK_GLOBAL
      '\x80\x02\x82\x01.', // EXT1
      'P1\n.', // PERSID
      '\x80\x02]]\x81.', // NEWOBJ
      ']}b.', // BUILD
    ]) {
      assert.throws(() => readPlainPickle(bytes(text)), /it holds more than plain values/, JSON.stringify(text));
    }
  });

  it('does not reach the prototypes of objects', () => {
    const value = readPlainPickle(bytes("(dS'__proto__'\n(dS'polluted'\nI01\nss.")) as Record<string, unknown>;
    assert.ok(Object.hasOwn(value, '__proto__'));
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
  });

  it('may be damaged anywhere', async () => {
    const whole = await readFile(new URL('refs-python3-protocol2.p', vectors));
    for (const text of [
      '',
      '.',
      'e.',
      'S\n.',
      'Ix\n.',
      'h\x05.',
      'I1\na.',
      ']q\x01h\x01a.',
      '\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.',
    ])
      assert.throws(() => readPlainPickle(bytes(text)), PickleError, JSON.stringify(text));
    const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(whole.length), (changes, length) => {
        const damaged = Buffer.from(whole);
        for (const [place, byte] of changes) damaged[place] = byte;
        try {
          readPlainPickle(damaged.subarray(0, length));
        } catch (error) {
          assert.ok(error instanceof PickleError, String(error));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
