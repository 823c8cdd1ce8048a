import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { repositoryRoot } from '@tessera/evaluation';
import { formatFigure } from './formats.js';
import { studies } from './study-result.js';
import { pageFiles, renderPage } from './write-page.js';

describe('the pages of the studies', () => {
  for (const study of studies) {
    it(`${study} follows from its kept result`, async () => {
      for (const [file, content] of Object.entries(await pageFiles(study)))
        assert.equal(content, await readFile(join(repositoryRoot, 'docs', 'reference', file), 'utf8'), file);
    });
  }

  it('refuses a result that lacks what the page shows', async () => {
    await assert.rejects(renderPage('pruning-benchmark', { figures: {}, tables: {}, plots: {} }), /has no queries/);
  });
});

describe('formatFigure', () => {
  it('writes signs of differences, spreads and what is missing', () => {
    assert.equal(formatFigure([0.0104, -0.2, 0.3], 'change'), '+0.010 [−0.200, +0.300]');
    assert.equal(formatFigure([-0.0104, -0.2, 0.3], 'points'), '−1.0 [−20.0, +30.0]');
    assert.equal(formatFigure([73.81, 0.24], 'spread'), '73.8 ± 0.2');
    assert.equal(formatFigure([43.1], 'spread'), '43.1');
    assert.equal(formatFigure(12_400, 'milliseconds'), '12 s');
    assert.equal(formatFigure(null, 'percent'), '–');
  });
});
