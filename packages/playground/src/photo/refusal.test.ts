import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalOf } from './refusal.js';

test('photos are opened, and so is what may be one', () => {
  for (const type of ['image/jpeg', 'image/heic', ''])
    assert.equal(refusalOf({ name: 'a', type, size: 9 }), undefined, type);
});

test('a file that is no photo is refused with what to do', () => {
  assert.match(
    refusalOf({ name: 'notes.txt', type: 'text/plain', size: 9 }) ?? '',
    /^notes\.txt is not a photo\. Choose a JPEG/,
  );
  const drawing = { name: 'mark.svg', type: 'image/svg+xml', size: 9 };
  assert.match(refusalOf(drawing) ?? '', /vector drawing\. Export it as PNG/);
  assert.equal(refusalOf({ name: 'scan.tiff', type: 'image/tiff', size: 0 }), 'scan.tiff is empty.');
});
