import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClassifyOptions } from './classify-composition.js';
import { TesseraError } from './errors.js';
import { parseMatching } from './other-versions.js';

test('stored JSON that matches is read', () => {
  const options = { vocabulary: { attributes: ['red'], objects: ['dress'] }, top_k: 3 };
  assert.deepEqual(parseMatching(ClassifyOptions, Buffer.from(JSON.stringify(options)), 'The options'), options);
});

test('stored JSON of another version is refused with where it differs', () => {
  const stored: [json: string, detail: RegExp][] = [
    ['{"vocabulary":', /^The options cannot be read: this is no JSON\. /],
    ['null', /^The options cannot be read: must be object\. /],
    ['{}', /^The options cannot be read: must have required/],
    ['{"vocabulary":"x","colour":"red"}', /^The options cannot be read: \/colour is not a known field/],
    ['{"vocabulary":"x","top_k":"all"}', /^The options cannot be read: \/top_k must be integer\. /],
    ['{"vocabulary":{"attributes":["red"],"objects":[7]}}', /^The options cannot be read: \/vocabulary\/objects\/0 /],
  ];
  for (const [json, detail] of stored) {
    assert.throws(
      () => parseMatching(ClassifyOptions, Buffer.from(json), 'The options'),
      (error) => {
        assert.ok(TesseraError.isInstance(error));
        assert.equal(error.code, 'TSR_VERSION_MISMATCH');
        assert.match(error.message, detail);
        return true;
      },
    );
  }
});
