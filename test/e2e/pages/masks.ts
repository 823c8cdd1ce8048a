import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { intersectionOverUnion } from '@tessera/masks';
import type { Page } from 'playwright-core';
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
      const click = ({ x, y }: { x: number; y: number }) =>
        page.locator('.surface').click({ position: { x: (width * x) / 600, y: (height * y) / 400 } });
      await click(point);
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

      // In the box of the cup, beside it.
      await click({ x: 410, y: 32 });
      await answered(page);
      assert.match(await card(page, 'the cup').innerText(), /One point is not on the mask and changes nothing\./);
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
      const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
      assert.match(await focused(), /handle/, 'the card that is selected now');
      await page.getByRole('button', { name: 'Remove the cup’s handle' }).click();
      await page.getByRole('button', { name: 'Remove the cup', exact: true }).click();
      assert.equal(await focused(), 'Find');
    }));

  it('says that there is nothing to find when nothing was typed but semicolons', () =>
    pages().onPlayground(async (page) => {
      await page.locator('input[type=file]').setInputFiles(coffee);
      for (const typed of [';;;', ' ']) {
        await page.getByLabel('What should be found?').fill(typed);
        await page.getByRole('button', { name: 'Find' }).click();
        await page.getByRole('alert').filter({ hasText: 'Type what to find first.' }).waitFor();
      }
      await ask(page, 'the cup');
      assert.equal(await page.getByText('Type what to find first.').count(), 0);
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

  it('takes its keys with the capitals locked, and leaves the browser the keys with Alt', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      const surface = page.locator('.surface');
      await surface.press('Shift+X');
      await page.locator('.mark.exclude').waitFor();
      await surface.press('Shift+Z');
      await page.locator('.mark.exclude').waitFor({ state: 'detached' });
      await answered(page);
      const isTaken = await surface.evaluate(
        (element) =>
          !element.dispatchEvent(
            new KeyboardEvent('keydown', { key: 'ArrowLeft', altKey: true, bubbles: true, cancelable: true }),
          ),
      );
      assert.equal(isTaken, false, 'Alt and the left arrow go back');
    }));

  it('shows what is chosen, and the colours of layers, in high contrast', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      await page.emulateMedia({ forcedColors: 'active' });
      const backgroundOf = (selector: string) =>
        page
          .locator(selector)
          .first()
          .evaluate((element) => getComputedStyle(element).backgroundColor);
      for (const chosen of ['.tool:has(:checked)', '.views [aria-pressed=true]'])
        assert.notEqual(await backgroundOf(chosen), await backgroundOf('body'), chosen);
      assert.equal(await backgroundOf('.swatch'), 'rgb(255, 77, 109)');
      await assertAccessible(page);
      await page.emulateMedia({ forcedColors: 'none' });
    }));

  it('runs no job for a click that another one follows', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      const queued: string[] = [];
      const cancelled: string[] = [];
      page.on('response', (response) => {
        const isQueued = response.request().method() === 'POST' && response.status() === 202;
        if (isQueued) queued.push(response.headers().location ?? '');
      });
      page.on('request', (request) => {
        if (request.method() === 'DELETE') cancelled.push(new URL(request.url()).pathname);
      });
      // Answers take a moment on their way, as on every network.
      await page.route('**/segment', async (route) => {
        const response = await route.fetch();
        await setTimeout(300);
        await route.fulfill({ response });
      });
      for (const x of [150, 300, 450]) await page.locator('.surface').click({ position: { x, y: 150 } });
      await answered(page);
      await page.unroute('**/segment');
      assert.equal(queued.length, 3);
      assert.deepEqual(cancelled, queued.slice(0, 2));
    }));

  it('answers the other queries of a request when one is taken back or corrected while they wait', () =>
    pages().onPlayground(async (page) => {
      await page.locator('input[type=file]').setInputFiles(coffee);
      const held = await holdAnswers(page);
      await page.getByLabel('What should be found?').fill('the cup; the dog; something to drink from');
      await page.keyboard.press('Enter');
      await page.locator('.card').nth(2).waitFor();
      await page.getByRole('button', { name: 'Remove the dog' }).click();
      // The last one is selected, and asked again.
      const { width, height } = (await page.locator('.surface').boundingBox()) ?? { width: 0, height: 0 };
      await page.locator('.surface').click({ position: { x: width / 2, y: height / 2 } });
      await held.release();
      await answered(page);
      // A card that waits has a score, too: “…”.
      await page.waitForFunction(() => {
        const scores = Array.from(document.querySelectorAll('.card-score'), ({ textContent }) => textContent);
        return scores.length === 2 && scores.every((score) => score.includes('%'));
      });
      assert.match(await card(page, 'the cup').innerText(), /^the cup\s+(over )?\d+ %/);
      assert.match(await card(page, 'something to drink from').innerText(), /corrected by a point\./);
      assert.equal(await page.locator('.problem:not(:empty)').count(), 0);
    }));

  it('says of which query the service refuses what is wrong with it, and answers the others', () =>
    pages().onPlayground(async (page) => {
      await page.locator('input[type=file]').setInputFiles(coffee);
      const input = page.getByLabel('What should be found?');
      await input.evaluate((field: HTMLInputElement) => {
        field.value = `the cup; the ${String.fromCharCode(0xd800)}; the dog; a ${String.fromCharCode(0xdfff)}`;
      });
      await input.press('Enter');
      await page.waitForFunction(() => {
        const scores = Array.from(document.querySelectorAll('.card-score'), ({ textContent }) => textContent);
        return scores.length === 4 && !scores.includes('…');
      });
      const problem = 'The query contains a character that is no text.';
      for (const index of [1, 3])
        assert.equal(await page.locator('.card').nth(index).locator('.problem').innerText(), problem);
      assert.match(await card(page, 'the cup').innerText(), /^the cup\s+(over )?\d+ %/);
      assert.match(await card(page, 'the dog').innerText(), /^the dog\s+not here/);
    }));

  it('keeps the photo in view beside a long list', () =>
    pages().onPlayground(async (page) => {
      await page.locator('input[type=file]').setInputFiles(coffee);
      await ask(page, Array.from({ length: 16 }, (_, index) => `the cup ${index + 1}`).join('; '));
      await page.locator('.card').last().scrollIntoViewIfNeeded();
      assert.ok((await page.evaluate(() => scrollY)) > 200);
      const photo = await page.locator('.frame').boundingBox();
      assert.ok(photo && photo.y >= 0 && photo.y + photo.height <= 800, JSON.stringify(photo));
    }));

  it('says that there are too many queries, and that one is too long, and keeps them', () =>
    pages().onPlayground(async (page) => {
      await page.locator('input[type=file]').setInputFiles(coffee);
      const input = page.getByLabel('What should be found?');
      const many = Array(17).fill('the cup').join('; ');
      for (const [text, problem] of [
        [many, 'These are 17 queries; at most 16 are answered at once.'],
        ['a'.repeat(513), 'A query has at most 512 characters; this one has 513.'],
      ] as const) {
        await input.fill(text);
        await input.press('Enter');
        await page.getByRole('alert').filter({ hasText: problem }).waitFor();
        assert.equal(await input.inputValue(), text);
      }
      assert.equal(await page.locator('.card').count(), 0);
      await ask(page, `the cup ${'and the cup '.repeat(42)}`.trim());
      const title = (await page.locator('.card-head').boundingBox()) ?? { height: Infinity };
      assert.ok(title.height < 120, `a long query is ${title.height} px high`);
    }));

  it('says what to do when the service is away', () =>
    pages().onPlayground(async (page) => {
      await page.locator('input[type=file]').setInputFiles(coffee);
      await page.route('**/segment', (route) => route.abort());
      await page.getByLabel('What should be found?').fill('the cup');
      await page.keyboard.press('Enter');
      await page
        .locator('.card .problem', { hasText: 'The service cannot be reached. Check that it is running' })
        .waitFor();
      await page.unroute('**/segment');
      await page.getByRole('button', { name: 'Try again' }).click();
      await answered(page);
    }));

  it('suggests what it answers rightly', () =>
    pages().onPlayground(async (page) => {
      const missing = ['the cup', 'the dog', 'the car'];
      for (const name of ['Cat', 'Coffee', 'Astronaut', 'Cameraman']) {
        await openSample(page, name);
        for (;;) {
          const suggestion = page.locator('.chip').first();
          if ((await suggestion.count()) === 0) break;
          await suggestion.click();
          await answered(page);
        }
        for (const one of await page.locator('.card').all()) {
          const text = await one.innerText();
          const isThere =
            name === 'Coffee' ? !text.startsWith('the dog') : !missing.some((query) => text.startsWith(query));
          assert.equal(!text.includes('not here'), isThere, `${name}: ${text}`);
        }
        await page.getByRole('button', { name: 'New photo' }).click();
      }
    }));
}

/** Holds the answers of segmentations back until they are released. */
async function holdAnswers(page: Page): Promise<{ release: () => Promise<void> }> {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route('**/segment', async (route) => {
    await released;
    // A request that was given up meanwhile is gone.
    await route.continue().catch(() => undefined);
  });
  return {
    release: async () => {
      release();
      await page.unroute('**/segment');
    },
  };
}
