import assert from 'node:assert/strict';
import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import sharp from 'sharp';
import type { Pages } from '../../support/pages.js';
import {
  answered,
  apiKey,
  ask,
  assertAccessible,
  card,
  dropFiles,
  openSample,
  sample,
} from '../../support/playground.js';

const scriptLimitBytes = 150_000;
const firstPaintLimitMs = 1_000;

/** How the page begins: what it loads, the key it asks for, the photos it takes. */
export function testIntake(pages: () => Pages): void {
  it('loads little, from this service alone, and paints within a second', async () => {
    const { url } = pages();
    const html = await (await fetch(url)).text();
    const files = [...html.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map(([, path = '']) => path);
    const sizes = await Promise.all(
      files.map(async (path) => {
        const response = await fetch(`${url}/${path}`);
        assert.match(response.headers.get('cache-control') ?? '', /immutable/);
        assert.equal(response.headers.get('content-encoding'), 'gzip');
        const text = await response.text();
        return path.endsWith('.js') ? gzipSync(text).length : 0;
      }),
    );
    const scriptBytes = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(scriptBytes > 1_000 && scriptBytes < scriptLimitBytes, `${scriptBytes} bytes of script`);

    await pages().onPlayground(async (page) => {
      // The best of three: the machine may be busy with other tests.
      const paints: number[] = [];
      for (let load = 0; load < 3 && !paints.some((paint) => paint < firstPaintLimitMs); load++) {
        if (load > 0) await page.reload();
        await page.getByRole('button', { name: 'Choose a photo' }).waitFor();
        paints.push(
          await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? Infinity),
        );
      }
      assert.ok(Math.min(...paints) < firstPaintLimitMs, `first paint after ${paints.join(', ')} ms`);
      await assertAccessible(page);
    });
  });

  it('asks for the key of a service that has one, again when it is wrong, and keeps it for the tab', () =>
    pages().onPlayground(async (page) => {
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
      await answered(page);
      await page.reload();
      await openSample(page, 'Coffee');
    }));

  it('takes a photo that is dropped on it, and one that is pasted', () =>
    pages().onPlayground(async (page) => {
      const dragged = await page.evaluateHandle(async () => {
        const photo = await (await fetch('samples/coffee.jpg')).blob();
        const transfer = new DataTransfer();
        transfer.items.add(new File([photo], 'dropped.jpg', { type: photo.type }));
        return transfer;
      });
      const isDropping = () => page.evaluate(() => document.body.classList.contains('dropping'));
      await page.dispatchEvent('main', 'dragover', { dataTransfer: dragged });
      assert.equal(await isDropping(), true);
      await page.dispatchEvent('main', 'drop', { dataTransfer: dragged });
      assert.equal(await isDropping(), false);
      await said(page, 'dropped.jpg, 600 by 400 pixels.');
      await ask(page, 'the cup');
      assert.match(await card(page, 'the cup').innerText(), /Found: cup\./);

      await page.evaluate(async () => {
        const canvas = new OffscreenCanvas(90, 60);
        canvas.getContext('2d')?.fillRect(0, 0, 90, 30);
        const picture = await canvas.convertToBlob({ type: 'image/png' });
        await navigator.clipboard.write([new ClipboardItem({ [picture.type]: picture })]);
      });
      await page.locator('.surface').press('ControlOrMeta+v');
      await said(page, /\.png, 90 by 60 pixels\./);
      assert.equal(await page.locator('.card').count(), 0);
    }));

  it('opens the photo that was chosen last, also when an earlier one comes later', () =>
    pages().onPlayground(async (page) => {
      const sampleFiles = '**/samples/chelsea.jpg';
      await page.locator('.sample').first().waitFor();
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      await page.route(sampleFiles, async (route) => {
        await released;
        await route.continue();
      });
      await page.getByRole('button', { name: 'Cat' }).click();
      await page.locator('input[type=file]').setInputFiles(sample('coffee.jpg'));
      await said(page, 'coffee.jpg, 600 by 400 pixels.');
      const loaded = page.waitForResponse(sampleFiles);
      release();
      await (await loaded).finished();
      await ask(page, 'the cup');
      assert.equal(await page.locator('h1').innerText(), 'Masks of coffee.jpg');
      await page.unroute(sampleFiles);
    }));

  it('opens no sample that the service does not give', () =>
    pages().onPlayground(async (page) => {
      await page.route('**/samples/chelsea.jpg', (route) => route.fulfill({ status: 503, json: { title: 'full' } }));
      await page.getByRole('button', { name: 'Cat' }).click();
      await page.getByRole('alert').filter({ hasText: 'The photo cannot be loaded.' }).waitFor();
      assert.equal(await page.getByLabel('What should be found?').count(), 0);
      await page.unroute('**/samples/chelsea.jpg');
    }));

  it('leaves text that is dropped to the field under it', () =>
    pages().onPlayground(async (page) => {
      await page.locator('input[type=file]').setInputFiles(sample('coffee.jpg'));
      const isTaken = await page.getByLabel('What should be found?').evaluate((field) => {
        const dataTransfer = new DataTransfer();
        dataTransfer.setData('text/plain', 'the cup');
        return !field.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }));
      });
      assert.equal(isTaken, false);
    }));

  it('asks the service how large a photo is that the browser cannot show', () =>
    pages().onPlayground(async (page) => {
      const buffer = await sharp(sample('coffee.jpg')).resize(451, 300).tiff().toBuffer();
      let release: () => void = () => undefined;
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      await page.route('**/images', async (route) => {
        await released;
        await route.continue();
      });
      await page.locator('input[type=file]').setInputFiles({ name: 'scan.tiff', mimeType: 'image/tiff', buffer });
      await said(page, 'This browser cannot show scan.tiff.');
      assert.equal(await page.locator('.surface').isVisible(), false);
      await page.getByText('Clicks and boxes wait').waitFor();
      release();
      await said(page, 'scan.tiff, 451 by 300 pixels.');
      const frame = await page.locator('.surface').boundingBox();
      assert.ok(frame && Math.abs(frame.width / frame.height - 451 / 300) < 0.02);
      await page.unroute('**/images');

      const small = await sharp(sample('coffee.jpg')).resize(45, 30).tiff().toBuffer();
      const chooser = page.locator('input[type=file]');
      await page.getByRole('button', { name: 'New photo' }).click();
      await chooser.setInputFiles({ name: 'small.tiff', mimeType: 'image/tiff', buffer: small });
      await said(page, 'small.tiff, 45 by 30 pixels.');
      const explanation = page.getByText('Masks appear in this frame.');
      const isClipped = await explanation.evaluate((element) => element.closest('.frame') !== null);
      const text = await explanation.boundingBox();
      assert.ok(!isClipped && text && text.width > 300 && text.height < 60, JSON.stringify(text));
    }));

  it('says in words what the service refuses', () =>
    pages().onPlayground(async (page) => {
      const broken = { name: 'broken.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') };
      await page.locator('input[type=file]').setInputFiles(broken);
      await page.getByText('This browser cannot show the file, and the service did not read it.').waitFor();
      assert.equal(await page.locator('.surface').isVisible(), false);
      assert.doesNotMatch(await page.getByRole('status').innerText(), /pixels/);
      await page.getByLabel('What should be found?').fill('the cat');
      await page.keyboard.press('Enter');
      const problem = page.locator('.card .problem');
      await problem.waitFor();
      assert.match(await problem.innerText(), /image|format/i);
      await page.getByRole('button', { name: 'Try again' }).waitFor();
    }));

  it('refuses a file that is no photo at once, also while another one is open', () =>
    pages().onPlayground(async (page) => {
      const refused = page.getByRole('alert');
      const notes = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no photo') };
      await page.locator('input[type=file]').setInputFiles(notes);
      await refused.filter({ hasText: 'notes.txt is not a photo. Choose a JPEG' }).waitFor();
      await openSample(page, 'Coffee');
      assert.equal(await page.getByText('notes.txt').count(), 0);
      const drawing = await page.evaluateHandle(() => {
        const transfer = new DataTransfer();
        transfer.items.add(
          new File(['<svg xmlns="http://www.w3.org/2000/svg"/>'], 'mark.svg', { type: 'image/svg+xml' }),
        );
        return transfer;
      });
      await page.dispatchEvent('main', 'drop', { dataTransfer: drawing });
      await refused.filter({ hasText: 'mark.svg is a vector drawing.' }).waitFor();
      assert.equal(await page.locator('.card').count(), 1, 'the open photo stays');
    }));

  it('refuses a folder and a file that cannot be read for what they are, and keeps the photo that is open', () =>
    pages().onPlayground(async (page) => {
      await openSample(page, 'Coffee');
      const refused = page.getByRole('alert');
      const folder = join(pages().directory, 'train');
      await mkdir(folder);
      await dropFiles(page.locator('.surface'), [folder]);
      await refused.filter({ hasText: '“train” is a folder, not a photo.' }).waitFor();

      const gone = join(pages().directory, 'gone.jpg');
      await copyFile(sample('chelsea.jpg'), gone);
      const chooser = await page.evaluateHandle(() => Object.assign(document.createElement('input'), { type: 'file' }));
      await chooser.setInputFiles(gone);
      const dragged = await chooser.evaluateHandle(({ files }) => {
        const transfer = new DataTransfer();
        for (const file of files ?? []) transfer.items.add(file);
        return transfer;
      });
      await rm(gone);
      await page.dispatchEvent('main', 'drop', { dataTransfer: dragged });
      await refused.filter({ hasText: /^gone\.jpg cannot be read\. \w+/ }).waitFor();
      assert.equal(await page.locator('.card').count(), 1);
      await ask(page, 'something to drink from');
      assert.equal(await refused.filter({ hasText: 'gone.jpg' }).count(), 0, 'the refusal went with the next query');
    }));

  for (const width of [390, 320]) {
    it(`fits a phone of ${width} pixels in the dark`, () =>
      pages().onPlayground(
        async (page) => {
          // A browser of a phone zooms out of a page that is too wide: `innerWidth` grows with it.
          const assertFits = async (view: string) => {
            assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, view);
          };
          await assertFits('start');
          await assertAccessible(page);
          await openSample(page, 'Coffee');
          await assertFits('masks');
          await assertAccessible(page);
          await page.getByRole('button', { name: 'Tokens' }).click();
          await page.locator('.cuts > .card').nth(3).waitFor();
          await assertFits('tokens');
          await assertAccessible(page);
          await page.getByRole('button', { name: 'Compositions' }).click();
          await page.getByText('Train a vocabulary on your photos').click();
          await page.getByRole('button', { name: 'Classify' }).click();
          await page.getByRole('heading', { name: 'brown coffee' }).waitFor();
          await assertFits('compositions');
          await assertAccessible(page);
        },
        { viewport: { width, height: 844 }, colorScheme: 'dark', hasTouch: true, isMobile: true },
      ));
  }
}

/** Waits until the page says something to screen readers. */
async function said(page: Page, words: string | RegExp): Promise<void> {
  await page.getByRole('status').filter({ hasText: words }).waitFor({ state: 'attached' });
}
