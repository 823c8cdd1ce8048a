import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalOf } from './refusal.js';

test('photos are opened, and so is what may be one', () => {
  for (const type of ['image/jpeg', 'image/heic', '']) assert.equal(refusalOf({ name: 'a', type }), undefined, type);
});

test('a file that is no photo is refused with what to do', () => {
  assert.match(
    refusalOf({ name: 'notes.txt', type: 'text/plain' }) ?? '',
    /^notes\.txt is not a photo\. Choose a JPEG/,
  );
  assert.match(refusalOf({ name: 'mark.svg', type: 'image/svg+xml' }) ?? '', /vector drawing\. Export it as PNG/);
});
