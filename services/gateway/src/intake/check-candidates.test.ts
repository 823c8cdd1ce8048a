import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCandidates } from './check-candidates.js';

const vocabulary = { attributes: ['Dark_Red', 'red'], objects: ['T-Shirt', 'dress'] };

test('pairs may spell the names of an inline vocabulary in another way', () => {
  const pairs = [
    ['dark red', 't shirt'],
    ['RED ', 'Dress'],
    ['dark-red', 'Red', 'DRESS'],
  ];
  checkCandidates({ vocabulary, pairs });
  assert.throws(
    () => {
      checkCandidates({ vocabulary, pairs: [['darkred', 'dress']] });
    },
    { code: 'TSR_VALIDATION' },
  );
});

test('spellings of one name count once', () => {
  const spellings = Array.from({ length: 1000 }, (_, index) => [`name ${index}`, `Name_${index}`]).flat();
  const few = Array.from({ length: 300 }, (_, index) => `thing ${index}`);
  checkCandidates({ vocabulary: { attributes: spellings, objects: few } });
  assert.throws(
    () => {
      checkCandidates({ vocabulary: { attributes: [...spellings, 'one more'], objects: few } });
    },
    { code: 'TSR_VALIDATION', message: /1001 × 300 = 300300/ },
  );
});
