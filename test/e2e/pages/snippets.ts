import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Pages } from '../../support/pages.js';
import { card, openSample } from '../../support/playground.js';
import { copySnippet, runSnippet, snippetLanguages } from '../../support/snippets.js';

/** Requests that are copied as code. */
export function testSnippets(pages: () => Pages): void {
  it('copies a request as code that gives the same answer', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      const answer = card(page, 'the cup');
      const [, shown = ''] = /Area\s+([\d,]+) px/.exec(await answer.innerText()) ?? [];
      const area = shown.replaceAll(',', '');
      for (const language of snippetLanguages) {
        const code = await copySnippet(answer.locator('.copy'), language);
        const printed = await runSnippet(code, language, pages().directory);
        assert.match(printed, new RegExp(`area\\W+${area}\\b`), language);
      }
    }));
}
