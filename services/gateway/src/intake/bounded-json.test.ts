import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { requireBoundedJson } from './bounded-json.js';

function check(json: string, most?: Parameters<typeof requireBoundedJson>[1]): void {
  requireBoundedJson(Buffer.from(json), most);
}

function nested(depth: number): string {
  return `${'[{"a":'.repeat(depth / 2)}0${'}]'.repeat(depth / 2)}`;
}

test('a hundred lists and objects may be inside each other, and no more', () => {
  check(nested(100));
  check(`[${'[0],'.repeat(1000)}0]`);
  assert.throws(
    () => {
      check(nested(102));
    },
    { code: 'TSR_BODY_INVALID', message: /more than 100 lists and objects inside each other/ },
  );
});

test('lists, objects and values are counted', () => {
  const most = { containers: 4, values: 4 };
  check('[[],{},[]]', most);
  check('[0,1,2,3]', most);
  for (const json of ['[[],{},[],[]]', '[0,1,2,3,4,5]']) {
    assert.throws(
      () => {
        check(json, most);
      },
      { code: 'TSR_BODY_TOO_LARGE' },
    );
  }
});

test('what texts hold is not counted', () => {
  const most = { containers: 1, values: 1 };
  for (const text of ['[[[,,,', '\\', '"', '\\"[', '[\\\\"{', '\\\\', 'é"\u{1f600}{'])
    check(JSON.stringify([text, text]), most);
});

test('the counts are those of the parsed value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.boolean(), (value, isIndented) => {
      const json = JSON.stringify(value, null, isIndented ? 2 : 0);
      const [containers, values] = countsOf(JSON.parse(json));
      check(json, { containers, values });
      for (const most of [
        { containers: containers - 1, values },
        { containers, values: values - 1 },
      ]) {
        if (Math.min(most.containers, most.values) < 0) continue;
        assert.throws(
          () => {
            check(json, most);
          },
          { code: 'TSR_BODY_TOO_LARGE' },
        );
      }
    }),
  );
});

/** Lists and objects in a value, and commas between the values in them. */
function countsOf(value: unknown): [containers: number, commas: number] {
  if (typeof value !== 'object' || value === null) return [0, 0];
  const inner = Object.values(value).map(countsOf);
  const sum = (which: 0 | 1) => inner.reduce((total, counts) => total + counts[which], 0);
  return [1 + sum(0), Math.max(0, inner.length - 1) + sum(1)];
}

test('a large text of escaped quotes takes no longer than a plain one', { timeout: 10_000 }, () => {
  check(JSON.stringify('"'.repeat(12_000_000)));
  check(JSON.stringify(`${'\\'.repeat(12_000_000)}"`));
});
