import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldErrors } from './validation-fields.js';

test('a missing and an unknown field are named by their own pointer, escaped', () => {
  assert.deepEqual(
    fieldErrors([
      { keyword: 'required', instancePath: '', params: { missingProperty: 'image' } },
      { keyword: 'additionalProperties', instancePath: '/output', params: { additionalProperty: 'a/b~c' } },
    ]),
    [
      { pointer: '/image', message: 'is required' },
      { pointer: '/output/a~1b~0c', message: 'is not a known field' },
    ],
  );
});

test('the branches of a union become one finding', () => {
  assert.deepEqual(
    fieldErrors([
      { keyword: 'type', instancePath: '/image', params: {}, message: 'must be string' },
      { keyword: 'type', instancePath: '/image', params: {}, message: 'must be object' },
      { keyword: 'anyOf', instancePath: '/image', params: {}, message: 'must match a schema in anyOf' },
    ]),
    [{ pointer: '/image', message: 'must be string, or must be object' }],
  );
});

test('a finding inside a branch of a union hides the branches that do not fit', () => {
  assert.deepEqual(
    fieldErrors([
      { keyword: 'type', instancePath: '/image', params: {}, message: 'must be string' },
      { keyword: 'pattern', instancePath: '/image/id', params: { pattern: '^sha256:' }, message: 'must match' },
      { keyword: 'anyOf', instancePath: '/image', params: {}, message: 'must match a schema in anyOf' },
    ]),
    [{ pointer: '/image/id', message: 'must match' }],
  );
});

test('an enumeration lists what is allowed', () => {
  assert.deepEqual(
    fieldErrors([{ keyword: 'enum', instancePath: '/output/format', params: { allowedValues: ['rle', 'png'] } }]),
    [{ pointer: '/output/format', message: 'must be one of rle, png' }],
  );
});

test('the number of findings is bounded', () => {
  const findings = Array.from({ length: 1000 }, (_, index) => ({
    keyword: 'type',
    instancePath: `/queries/${index}`,
    params: {},
    message: 'must be string',
  }));
  assert.equal(fieldErrors(findings).length, 32);
});
