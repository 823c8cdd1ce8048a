import assert from 'node:assert/strict';
import { it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Pages } from '../../support/pages.js';
import { answered, apiKey, assertAccessible, openSample } from '../../support/playground.js';

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

  it('says in words what the service refuses', () =>
    pages().onPlayground(async (page) => {
      const broken = { name: 'broken.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') };
      await page.locator('input[type=file]').setInputFiles(broken);
      await page.getByText('This browser cannot show the file').waitFor();
      await page.getByLabel('What should be found?').fill('the cat');
      await page.keyboard.press('Enter');
      await page.locator('.problem').waitFor();
      assert.match(await page.locator('.problem').innerText(), /image|format/i);
      await page.getByRole('button', { name: 'Try again' }).waitFor();
    }));

  it('fits a phone in the dark', () =>
    pages().onPlayground(
      async (page) => {
        await assertAccessible(page);
        await openSample(page, 'Coffee');
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.equal(overflow, 0);
        await assertAccessible(page);
      },
      { viewport: { width: 390, height: 844 }, colorScheme: 'dark', hasTouch: true, isMobile: true },
    ));
}
