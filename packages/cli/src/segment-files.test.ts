import assert from 'node:assert/strict';
import { it } from 'node:test';
import { CommandFailure } from './command-errors.js';
import { maskPng } from './segment-files.js';

it('says in words that a mask of an answer is malformed', () => {
  const masks = [
    { size: [2, 2] as [number, number], counts: '~~' },
    { size: [2, 2] as [number, number], counts: [9] },
  ];
  for (const mask of masks) {
    assert.throws(
      () => maskPng({ mask }),
      (error) => error instanceof CommandFailure && /a mask that can't be read: \w/.test(error.message),
    );
  }
});
