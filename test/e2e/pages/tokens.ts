import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Pages } from '../../support/pages.js';
import { assertAccessible, openSample } from '../../support/playground.js';

/** The view of tokens. */
export function testTokens(pages: () => Pages): void {
  it('shows which tokens each layer saw, and compares cuts', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      await page.getByRole('button', { name: 'Tokens' }).click();
      await page.waitForFunction(() => document.querySelectorAll('.cards[aria-label=Cuts] > .card').length === 4);
      const slider = page.getByLabel('Layer of the language model');
      const litAt = async (layer: number) => {
        await slider.fill(String(layer));
        return page.locator('.token-grid .lit, .token-grid .region').count();
      };
      // The cut of 75 %: few tokens, all of them, fewer still.
      const words = () => page.locator('#layer-words').innerText();
      assert.equal(await litAt(0), tokensIn(await words()));
      const layers = Number(await slider.getAttribute('max'));
      const last = await litAt(layers);
      assert.equal(last, tokensIn(await words()));
      assert.match(await words(), /pruning/);

      await page.getByRole('button', { name: /^All tokens/ }).click();
      assert.equal(await litAt(layers), 128);
      assert.ok(last < 64, `${last} tokens in the last layer of the largest cut`);
      const cards = await page.locator('.cards[aria-label=Cuts] > .card').allInnerTexts();
      const saved = cards.map((text) => Number(/tokens saved\s+(\d+) %/.exec(text)?.[1]));
      assert.deepEqual(saved[0], 0);
      assert.ok((saved[1] ?? 0) >= 45 && (saved[3] ?? 0) > (saved[1] ?? 0), saved.join());
      assert.match(cards[0] ?? '', /Same pixels as with all tokens\s+100 %/);
      await assertAccessible(page);
    }));
}

/** How many tokens the page says that a layer saw. */
function tokensIn(words: string): number {
  return Number(/(\d+) of \d+ image tokens/.exec(words)?.[1]);
}
