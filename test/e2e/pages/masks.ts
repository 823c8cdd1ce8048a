import assert from 'node:assert/strict';
import { it } from 'node:test';
import { intersectionOverUnion } from '@tessera/masks';
import type { Pages } from '../../support/pages.js';
import {
  answered,
  ask,
  assertAccessible,
  card,
  drawnPixels,
  openSample,
  sample,
  servedMask,
} from '../../support/playground.js';

const coffee = sample('coffee.jpg');

/** Masks over the photo, by words, clicks, boxes and keys. */
export function testMasks(pages: () => Pages): void {
  it('draws a mask at the pixels that the service answered, says what it knows of it, and corrects it by clicks', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      const first = await drawnPixels(page, 0);
      const served = await servedMask(pages().url, coffee, { query: 'the cup' });
      assert.equal(intersectionOverUnion(first, served), 1);
      const text = await card(page, 'the cup').innerText();
      assert.match(text, /Found: cup\./);
      assert.match(text, /Mask quality\s+0\.\d\d/);
      assert.match(text, /Area\s+[\d,]+ px, \d+ % of the photo/);
      assert.match(text, /Answered in [\d.]+ m?s/);
      await assertAccessible(page);

      await page.getByRole('radio', { name: 'Exclude' }).check();
      const { width, height } = (await page.locator('.surface').boundingBox()) ?? { width: 0, height: 0 };
      // The left side of the cup.
      const point = { x: 200, y: 200 };
      await page.locator('.surface').click({ position: { x: (width * point.x) / 600, y: (height * point.y) / 400 } });
      await page.locator('.mark.exclude').waitFor();
      await answered(page);
      const corrected = await drawnPixels(page, 0);
      const prompts = JSON.stringify([{ points: [{ ...point, label: 0 }] }]);
      const servedCorrected = await servedMask(pages().url, coffee, { query: 'the cup', prompts });
      assert.ok(intersectionOverUnion(corrected, servedCorrected) > 0.98);
      assert.equal(corrected.data[point.y * 600 + point.x], 0);
      assert.ok(intersectionOverUnion(corrected, first) < 0.95);
      const correctedText = await card(page, 'the cup').innerText();
      assert.match(correctedText, /^the cup\s+\d+ % of the photo[^]*Found: cup, corrected by a point\./);
      const said = () => page.getByRole('status').innerText();
      assert.match(await said(), /the cup, point beside it added: found cup, \d+ % of the photo\./);

      await page.getByRole('button', { name: 'Undo' }).click();
      await answered(page);
      assert.equal(intersectionOverUnion(await drawnPixels(page, 0), first), 1);
      assert.match(await said(), /the cup, point beside it taken back: found cup, .* % of the photo\./);
    }));

  it('answers several queries as layers, and says when nothing matches and why', () =>
    pages().onPlayground(async (page) => {
      await page.locator('input[type=file]').setInputFiles(coffee);
      await ask(page, 'the cup; the dog; the cup’s handle');
      assert.equal(await page.locator('.card').count(), 3);
      assert.match(await card(page, 'the cup’s handle').innerText(), /Nothing here matches\.\s+.*not parts/);
      await card(page, 'the dog').locator('.card-title').click();
      assert.match(await card(page, 'the dog').innerText(), /not here\s+Nothing here matches\./);

      const shown = page.locator('.overlays > canvas');
      assert.equal(await shown.count(), 3);
      await page.getByRole('button', { name: 'Hide the cup', exact: true }).click();
      assert.equal(await shown.count(), 2);
      await page.getByRole('button', { name: 'Remove the dog' }).click();
      assert.equal(await page.locator('.card').count(), 2);
    }));

  it('finds an object in a box that was dragged, without words', () =>
    pages().onPlayground(async (page) => {
      await page.locator('input[type=file]').setInputFiles(coffee);
      await page.getByRole('radio', { name: 'Box' }).check();
      const surface = (await page.locator('.surface').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      const at = (x: number, y: number) =>
        [surface.x + (surface.width * x) / 600, surface.y + (surface.height * y) / 400] as const;
      await page.mouse.move(...at(170, 15));
      await page.mouse.down();
      await page.mouse.move(...at(300, 200));
      await page.mouse.move(...at(430, 330));
      await page.mouse.up();
      await answered(page);
      assert.match(await card(page, 'Object 1').innerText(), /Found where you pointed\./);
      const prompts = JSON.stringify([{ box: [170, 15, 260, 315] }]);
      const served = await servedMask(pages().url, coffee, { prompts });
      assert.ok(intersectionOverUnion(await drawnPixels(page, 0), served) > 0.95);
    }));

  it('does all of it by keyboard', () =>
    pages().onPlayground(async (page) => {
      const press = async (...keys: string[]) => {
        for (const key of keys) await page.keyboard.press(key);
      };
      const focused = () => page.evaluate(() => document.activeElement?.closest('button')?.textContent ?? '');
      while (!(await focused()).includes('Coffee')) await press('Tab');
      await press('Enter');
      await answered(page);
      const before = await drawnPixels(page, 0);

      const active = () => page.evaluate(() => document.activeElement?.id);
      assert.equal(await active(), 'query', 'the photo that the keyboard opened leaves the focus on the page');
      while ((await page.evaluate(() => document.activeElement?.className)) !== 'surface') await press('Tab');
      await press('ArrowRight', 'ArrowDown');
      await page.getByRole('status').filter({ hasText: 'Crosshair 55 % across, 55 % down.' }).waitFor();
      await press('x');
      await page.locator('.mark.exclude').waitFor();
      await answered(page);
      assert.notEqual(intersectionOverUnion(await drawnPixels(page, 0), before), 1);
      await press('z');
      await page.locator('.mark.exclude').waitFor({ state: 'detached' });

      while ((await active()) !== 'query') await press('Tab');
      await page.keyboard.type('the dog');
      await press('Enter');
      await answered(page);
      const said = () => page.getByRole('status').innerText();
      assert.match(await said(), /the dog: nothing here matches/);

      await page.getByRole('button', { name: 'Remove the dog' }).press('Enter');
      assert.equal(await said(), 'the dog removed.');
      assert.equal(await active(), 'query');
      await page.getByRole('button', { name: 'New photo' }).press('Enter');
      assert.match(await focused(), /Choose a photo/);
    }));
}
