import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { repositoryRoot } from '@tessera/evaluation';
import { studies } from './study-result.js';
import { pageFiles, renderTemplate } from './write-page.js';

describe('the pages of the studies', () => {
  for (const study of studies) {
    it(`${study} follows from its kept result`, async () => {
      for (const [file, content] of Object.entries(await pageFiles(study)))
        assert.equal(content, await readFile(join(repositoryRoot, 'docs', 'reference', file), 'utf8'), file);
    });
  }

  it('refuses a result that lacks what the page shows', async () => {
    await assert.rejects(renderTemplate('pruning-benchmark', { figures: {}, tables: {}, plots: {} }), /has no queries/);
  });
});
