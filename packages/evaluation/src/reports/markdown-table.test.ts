import assert from 'node:assert/strict';
import { it } from 'node:test';
import { markdownRows } from './markdown-table.js';

it('markdownRows aligns columns and fills short rows', () => {
  assert.equal(
    markdownRows(['kind', 'gIoU'], [['relation', '0.5'], ['size']]),
    ['| kind     | gIoU |', '| -------- | ---: |', '| relation |  0.5 |', '| size     |      |'].join('\n'),
  );
});
