import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { intersectionOverUnion } from '@tessera/masks';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { browserSkipReason, launchBrowser } from '../support/browser.js';
import {
  apiKey,
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
const run = promisify(execFile);
const scriptLimitBytes = 150_000;

describe('the playground', { skip: browserSkipReason, timeout: 300_000 }, () => {
  let directory: string;
  let service: HttpService;
  let browser: Browser;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-playground-'));
    service = await startEmbedded({ DATA_DIR: directory, API_KEYS: apiKey });
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

  it('shows which tokens each layer saw, and compares cuts', () =>
    onPage(async (page) => {
      await openSample(page, 'Coffee');
      await page.getByRole('button', { name: 'Tokens' }).click();
      await page.locator('.cards[aria-label=Cuts] > .card').nth(3).waitFor();
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

  it('names what a photo shows, by words of one’s own and by a vocabulary trained from a folder', () =>
    onPage(async (page) => {
      await openSample(page, 'Coffee');
      await page.getByRole('button', { name: 'Compositions' }).click();
      await page.getByLabel('Attributes').fill('ceramic, furry');
      await page.getByLabel('Objects').fill('cup, cat');
      await page.getByRole('button', { name: 'Classify' }).click();
      await page.getByRole('heading', { name: 'ceramic cup' }).waitFor();
      assert.match(await page.locator('.panel').innerText(), /none of the pairs fits: .*%/);
      assert.equal(await page.locator('.bars').count(), 3);
      await assertAccessible(page);

      const folder = await trainingFolder(directory);
      await page.getByText('Train a vocabulary on your photos').click();
      await page.getByLabel('Name').fill('things');
      await page.getByLabel('Epochs').fill('2');
      await page.getByLabel('Folder with training photos').setInputFiles(folder);
      await page.getByText(/Epoch \d+ of \d+: loss [\d.]+/).waitFor();
      assert.match((await page.locator('.curves .loss').getAttribute('points')) ?? '', /[\d.]+,[\d.]+/);
      await page.getByText('things is trained.', { exact: false }).first().waitFor();
      await page.locator('#vocabulary option[value=things]:checked').waitFor({ state: 'attached' });
      await page.getByLabel('Open world: pairs that no example had, too').check();
      await page.getByRole('button', { name: 'Classify' }).click();
      await page.getByRole('heading', { name: 'ceramic cup' }).waitFor();
      await page.locator('.badge', { hasText: 'unseen' }).first().waitFor();
    }));

  it('copies a request as code that gives the same answer', () =>
    onPage(
      async (page) => {
        await openSample(page, 'Coffee');
        await page.getByRole('button', { name: 'Copy as curl' }).click();
        await page.locator('.copy', { hasText: 'copied' }).waitFor();
        const command = await page.evaluate(() => navigator.clipboard.readText());
        const { stdout } = await run('sh', ['-c', command], {
          cwd: samples,
          env: { ...process.env, TESSERA_API_KEY: apiKey },
        });
        const [result] = (JSON.parse(stdout) as { results: { query: string; area: number }[] }).results;
        assert.equal(result?.query, 'the cup');
        assert.match(await card(page, 'the cup').innerText(), new RegExp(`${result.area.toLocaleString('en')} px`));
      },
      { permissions: ['clipboard-read', 'clipboard-write'] },
    ));

  it('asks for the key of a service that has one, again when it is wrong, and keeps it for the tab', () =>
    onPage(async (page) => {
      await page.evaluate(() => {
        sessionStorage.clear();
      });
      await page.getByRole('button', { name: 'Coffee' }).click();
      const dialog = page.getByRole('dialog', { name: 'This service asks for a key' });
      await page.getByLabel('API key').fill('wrong');
      await page.getByRole('button', { name: 'Use key' }).click();
      await dialog.getByText('The key was not accepted').waitFor();
      await assertAccessible(page);
      await page.getByLabel('API key').fill(apiKey);
      await page.getByRole('button', { name: 'Use key' }).click();
      await page.locator('.verdict').waitFor();
      await page.reload();
      await openSample(page, 'Coffee');
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

/** How many tokens the page says that a layer saw. */
function tokensIn(words: string): number {
  return Number(/(\d+) of \d+ image tokens/.exec(words)?.[1]);
}

/** A folder to train from: four photos for two pairs, and others of them to validate with. */
async function trainingFolder(parent: string): Promise<string> {
  const folder = join(parent, 'things');
  await mkdir(join(folder, 'images'), { recursive: true });
  const shown = { 'coffee.jpg': ['ceramic', 'cup'], 'chelsea.jpg': ['furry', 'cat'] } as const;
  const rows = Object.entries(shown).flatMap(([image, [attr, obj]]) =>
    (['train', 'val'] as const).map((set) => ({ image, attr, obj, set })),
  );
  for (const image of Object.keys(shown)) await copyFile(join(samples, image), join(folder, 'images', image));
  await writeFile(join(folder, 'metadata.json'), JSON.stringify(rows));
  return folder;
}
