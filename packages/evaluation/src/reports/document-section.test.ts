import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { replaceSection } from './document-section.js';

const page = 'before\n\n<!-- results -->\n\nold\n\n<!-- /results -->\n\nafter\n';

describe('replaceSection', () => {
  it('replaces what is between the marks, and does so again', () => {
    const once = replaceSection(page, 'results', 'new $1');
    assert.equal(once, 'before\n\n<!-- results -->\n\nnew $1\n\n<!-- /results -->\n\nafter\n');
    assert.equal(replaceSection(once, 'results', 'new $1'), once);
  });

  it('refuses a page without the marks', () => {
    assert.throws(() => replaceSection('nothing', 'results', 'new'), /results/);
  });
});
