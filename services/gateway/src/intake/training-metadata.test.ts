import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trainingLimits } from '@tessera/contracts';
import { parseMetadata } from './training-metadata.js';

const row = { image: 'a.png', attributes: ['red', 'big'], object: 'ball', set: 'train' };
const parse = (json: string) => parseMetadata(Buffer.from(json));

test('as many examples as a training may have are read, with fields of other programs', () => {
  const rows = new Array<string>(trainingLimits.examples).fill(JSON.stringify({ ...row, box: [1, 2, 3, 4] }));
  assert.equal(parse(`[${rows.join()}]`).length, trainingLimits.examples);
});

test('JSON that would take far more memory than its text is refused before it is parsed', () => {
  const lists = `[${'[],'.repeat(2_000_000)}[]]`;
  const numbers = `[${'0,'.repeat(9_000_000)}0]`;
  const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
  for (const json of [lists, numbers, deep]) {
    assert.throws(() => parse(json), { code: 'TSR_ARCHIVE_INVALID', message: /^metadata\.json has more than \d+ / });
  }
});
