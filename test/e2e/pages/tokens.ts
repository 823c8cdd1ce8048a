import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Page } from 'playwright-core';
import type { Pages } from '../../support/pages.js';
import { assertAccessible, openSample } from '../../support/playground.js';

/** The view of tokens. */
export function testTokens(pages: () => Pages): void {
  it('shows which tokens each layer saw, and compares cuts side by side', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      await page.getByRole('button', { name: 'Tokens' }).click();
      await page.waitForFunction(() => document.querySelectorAll('.cuts > .card').length === 4);
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
      assert.equal(await page.locator('.token-grid.few').count(), last * 8 <= 128 ? 1 : 0, 'few stand out');

      await page.getByRole('button', { name: /^All tokens/ }).click();
      assert.equal(await litAt(layers), 128);
      assert.ok(last < 64, `${last} tokens in the last layer of the largest cut`);
      const cuts = await shownCuts(page);
      assert.deepEqual([cuts[0]?.saved, cuts[0]?.overlap, cuts[0]?.changed], [0, '–', '–']);
      assert.ok((cuts[1]?.saved ?? 0) >= 45 && (cuts[3]?.saved ?? 0) > (cuts[1]?.saved ?? 0));
      for (const { text, overlap, changed, drawn } of cuts.slice(1)) {
        assert.match(text, /Language model\s+\d+ ms/);
        assert.ok(Number(overlap) > 0.8 && Number(overlap) <= 1, overlap);
        assert.equal(Number(changed.replaceAll(',', '')), drawn, 'as many pixels are pink as the card says');
      }
      await assertAccessible(page);

      assert.equal(new Set(cuts.map(({ top }) => top)).size, 1, 'side by side');
      await page.setViewportSize({ width: 360, height: 740 });
      const lines = await page.locator('.cuts dd').evaluateAll((values) =>
        values.map((value) => {
          const range = document.createRange();
          range.selectNodeContents(value);
          return range.getClientRects().length;
        }),
      );
      assert.ok(
        lines.every((count) => count === 1),
        'no value is broken',
      );
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
      await page.setViewportSize({ width: 390, height: 844 });
      const tops = (await shownCuts(page)).map(({ top }) => top);
      assert.ok(
        tops.every((top, index) => index === 0 || top > (tops[index - 1] ?? 0)),
        'below each other',
      );
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0);
      await page.setViewportSize({ width: 1280, height: 800 });
    }));

  it('says that the language model was not asked for a query that it has no part in', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      await page.getByRole('button', { name: 'Tokens' }).click();
      await page.getByLabel('Which tokens does it take to find').fill('no cats');
      await page.keyboard.press('Enter');
      const note = page.locator('p', { hasText: 'The language model was not asked about the photo for this query' });
      assert.match(await note.innerText(), /cannot leave out objects as “no cats” asks/);
      assert.equal(await page.locator('.cuts > .card').count(), 0);
    }));

  it('leaves the photo to the masks when it is left before its answers', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      await page.getByRole('button', { name: 'Tokens' }).click();
      await page.getByRole('button', { name: 'Masks' }).click();
      await page.getByRole('status').filter({ hasText: '4 cuts compared.' }).waitFor();
      assert.equal(await page.locator('.token-grid').count(), 0);
      assert.equal(await page.locator('.overlays > canvas').count(), 1);
      await page.getByRole('button', { name: 'Tokens' }).click();
      assert.equal(await page.locator('.cuts > .card').count(), 4);
      assert.equal(await page.locator('.token-grid').count(), 1);
    }));
}

/** How many tokens the page says that a layer saw. */
function tokensIn(words: string): number {
  return Number(/(\d+) of \d+ image tokens/.exec(words)?.[1]);
}

/** What the cards of the cuts say and show. */
async function shownCuts(page: Page) {
  const cards = await page.locator('.cuts > .card').evaluateAll((elements) =>
    elements.map((element) => {
      const changes = element.querySelectorAll<HTMLCanvasElement>('.cut-picture > canvas')[1];
      const pixels = changes?.getContext('2d')?.getImageData(0, 0, changes.width, changes.height).data ?? [];
      let drawn = 0;
      for (let alpha = 3; alpha < pixels.length; alpha += 4) if ((pixels[alpha] ?? 0) > 0) drawn += 1;
      return { text: (element as HTMLElement).innerText, top: element.getBoundingClientRect().top, drawn };
    }),
  );
  return cards.map((shown) => ({
    ...shown,
    saved: Number(/Work saved\s+(\d+) %/.exec(shown.text)?.[1]),
    overlap: /IoU with all tokens\s+(\S+)/.exec(shown.text)?.[1] ?? '',
    changed: /Changed pixels\s+(\S+)/.exec(shown.text)?.[1] ?? '',
  }));
}
