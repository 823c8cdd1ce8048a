import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { intersectionOverUnion } from '@tessera/masks';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { browserSkipReason, launchBrowser } from '../support/browser.js';
import {
  ask,
  assertAccessible,
  card,
  drawnPixels,
  openPlayground,
  openSample,
  servedMask,
} from '../support/playground.js';
import { repositoryRoot } from '../support/repository-copy.js';
import { startEmbedded, type HttpService } from '../support/services.js';

const samples = join(repositoryRoot, 'packages/playground/public/samples');
const scriptLimitBytes = 150_000;

describe('the playground', { skip: browserSkipReason, timeout: 300_000 }, () => {
  let directory: string;
  let service: HttpService;
  let browser: Browser;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-playground-'));
    service = await startEmbedded({ DATA_DIR: directory });
    browser = await launchBrowser();
  });

  after(async () => {
    await browser.close();
    await service.process.stop('SIGTERM');
    await rm(directory, { recursive: true, force: true });
  });

  /** Runs a test on a page of its own, which must not have complained. */
  async function onPage(test: (page: Page) => Promise<void>, options: BrowserContextOptions = {}): Promise<void> {
    const { page, failures } = await openPlayground(browser, service.url, options);
    await test(page);
    assert.deepEqual(failures, []);
    await page.context().close();
  }

  it('loads little, from this service alone, and paints within a second', async () => {
    const html = await (await fetch(service.url)).text();
    const files = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path = '']) => path);
    const sizes = await Promise.all(
      files.map(async (path) => {
        const response = await fetch(`${service.url}/${path}`);
        assert.match(response.headers.get('cache-control') ?? '', /immutable/);
        const text = await response.text();
        return path.endsWith('.js') ? gzipSync(text).length : 0;
      }),
    );
    const scriptBytes = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(scriptBytes > 1_000 && scriptBytes < scriptLimitBytes, `${scriptBytes} bytes of script`);

    await onPage(async (page) => {
      // The best of three: the machine may be busy with other tests.
      const paints: number[] = [];
      for (let load = 0; load < 3; load++) {
        await page.reload();
        await page.getByRole('button', { name: 'Choose a photo' }).waitFor();
        paints.push(
          await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity),
        );
      }
      assert.ok(Math.min(...paints) < 1_000, `first paint after ${paints.join(', ')} ms`);
      await assertAccessible(page);
    });
  });

  it('draws the mask of a photo at the pixels that the service answered, and says what it knows of it', () =>
    onPage(async (page) => {
      await openSample(page, 'Coffee');
      const drawn = await drawnPixels(page, 0);
      const served = await servedMask(service.url, join(samples, 'coffee.jpg'), { query: 'the cup' });
      assert.equal(intersectionOverUnion(drawn, served), 1);
      const text = await card(page, 'the cup').innerText();
      assert.match(text, /Found: cup\./);
      assert.match(text, /Mask quality\s+0\.\d\d/);
      assert.match(text, /Area\s+[\d,]+ px, \d+ % of the photo/);
      assert.match(text, /Answered in [\d.]+ m?s/);
      await assertAccessible(page);
    }));

  it('answers several queries as layers, and says when nothing matches and why', () =>
    onPage(async (page) => {
      await page.locator('input[type=file]').setInputFiles(join(samples, 'coffee.jpg'));
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

  it('corrects a mask by a click beside the object, and takes it back', () =>
    onPage(async (page) => {
      await openSample(page, 'Coffee');
      const first = await drawnPixels(page, 0);
      await page.getByRole('radio', { name: 'Exclude' }).check();
      const { width, height } = (await page.locator('.surface').boundingBox()) ?? { width: 0, height: 0 };
      // The saucer, right of the cup.
      const point = { x: 400, y: 250 };
      await page.locator('.surface').click({ position: { x: (width * point.x) / 600, y: (height * point.y) / 400 } });
      await page.locator('.mark.exclude').waitFor();
      await page.locator('.card.selected progress').waitFor({ state: 'detached' });
      const corrected = await drawnPixels(page, 0);
      const prompts = JSON.stringify([{ points: [{ ...point, label: 0 }] }]);
      const served = await servedMask(service.url, join(samples, 'coffee.jpg'), { query: 'the cup', prompts });
      assert.ok(intersectionOverUnion(corrected, served) > 0.98);
      assert.ok(intersectionOverUnion(corrected, first) < 0.98);

      await page.getByRole('button', { name: 'Undo' }).click();
      await page.locator('.card.selected progress').waitFor({ state: 'detached' });
      assert.equal(intersectionOverUnion(await drawnPixels(page, 0), first), 1);
    }));

  it('finds an object in a box that was dragged, without words', () =>
    onPage(async (page) => {
      await page.locator('input[type=file]').setInputFiles(join(samples, 'coffee.jpg'));
      await page.getByRole('radio', { name: 'Box' }).check();
      const surface = (await page.locator('.surface').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      const at = (x: number, y: number) =>
        [surface.x + (surface.width * x) / 600, surface.y + (surface.height * y) / 400] as const;
      await page.mouse.move(...at(170, 15));
      await page.mouse.down();
      await page.mouse.move(...at(300, 200));
      await page.mouse.move(...at(430, 330));
      await page.mouse.up();
      await card(page, 'Object 1').locator('.verdict').waitFor();
      assert.match(await card(page, 'Object 1').innerText(), /Found where you pointed\./);
      const prompts = JSON.stringify([{ box: [170, 15, 260, 315] }]);
      const served = await servedMask(service.url, join(samples, 'coffee.jpg'), { prompts });
      assert.ok(intersectionOverUnion(await drawnPixels(page, 0), served) > 0.95);
    }));

  it('does all of it by keyboard', () =>
    onPage(async (page) => {
      const press = async (...keys: string[]) => {
        for (const key of keys) await page.keyboard.press(key);
      };
      const focused = () => page.evaluate(() => document.activeElement?.closest('button')?.textContent ?? '');
      while (!(await focused()).includes('Astronaut')) await press('Tab');
      await press('Enter');
      await page.locator('.verdict').waitFor();
      const before = await drawnPixels(page, 0);

      await page.locator('body').press('Tab');
      while ((await page.evaluate(() => document.activeElement?.className)) !== 'surface') await press('Tab');
      await press('ArrowRight', 'ArrowDown', 'x');
      await page.locator('.mark.exclude').waitFor();
      await page.locator('.card.selected progress').waitFor({ state: 'detached' });
      assert.notEqual(intersectionOverUnion(await drawnPixels(page, 0), before), 1);
      await press('z');
      await page.locator('.mark.exclude').waitFor({ state: 'detached' });

      while ((await page.evaluate(() => document.activeElement?.id)) !== 'query') await press('Tab');
      await page.keyboard.type('the dog');
      await press('Enter');
      await card(page, 'the dog').locator('.verdict').waitFor();
      const said = await page.getByRole('status').innerText();
      assert.match(said, /the dog: nothing here matches/);
    }));

  it('says in words what the service refuses', () =>
    onPage(async (page) => {
      const broken = join(directory, 'broken.jpg');
      await writeFile(broken, 'no picture');
      await page.locator('input[type=file]').setInputFiles(broken);
      await page.getByText('This browser cannot show the file').waitFor();
      await page.getByLabel('What should be found?').fill('the cat');
      await page.keyboard.press('Enter');
      await page.locator('.problem').waitFor();
      assert.match(await page.locator('.problem').innerText(), /image|format/i);
      await page.getByRole('button', { name: 'Try again' }).waitFor();
    }));

  it('fits a phone in the dark', () =>
    onPage(
      async (page) => {
        await assertAccessible(page);
        await openSample(page, 'Coffee');
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.equal(overflow, 0);
        await assertAccessible(page);
      },
      { viewport: { width: 390, height: 844 }, colorScheme: 'dark', hasTouch: true, isMobile: true },
    ));
});
