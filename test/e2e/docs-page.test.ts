import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Locator } from 'playwright-core';
import { browserSkipReason, launchBrowser } from '../support/browser.js';
import { drawnPicture } from '../support/requests.js';
import { startEmbedded, type HttpService } from '../support/services.js';

/** Sends the request of an operation; its status. */
async function execute(operation: Locator): Promise<string> {
  await operation.getByRole('button', { name: 'Execute' }).click();
  const status = operation.locator('.live-responses-table .response .response-col_status').first();
  await status.waitFor({ timeout: 60_000 });
  return status.innerText();
}

describe('Swagger UI', { skip: browserSkipReason, timeout: 180_000 }, () => {
  let directory: string;
  let service: HttpService;
  let browser: Browser;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-docs-'));
    service = await startEmbedded({ DATA_DIR: directory });
    browser = await launchBrowser();
  });

  after(async () => {
    await browser.close();
    await service.process.stop('SIGTERM');
    await rm(directory, { recursive: true, force: true });
  });

  it('shows the routes, and its example of POST /segment is answered 200', async () => {
    const page = await browser.newPage();
    const failures: string[] = [];
    page.on('pageerror', (error) => failures.push(error.message));
    page.on('requestfailed', (request) => failures.push(request.url()));
    await page.goto(`${service.url}/docs`);

    const operation = page.locator('.opblock', { hasText: '/segment' }).first();
    await operation.locator('.opblock-summary').click();
    await operation.getByRole('button', { name: 'Try it out' }).click();
    assert.match(await execute(operation), /^200/);
    assert.deepEqual(failures, []);
  });

  for (const path of ['/segment', '/classify-composition']) {
    it(`answers 200 to the form of POST ${path}, untouched but for a file`, async () => {
      const operation = await openForm(path);
      assert.equal(await operation.locator('input[type=file]').count(), 1, 'only the image is a file');
      await operation.locator('input[type=file]').setInputFiles({
        name: 'picture.jpg',
        mimeType: 'image/jpeg',
        buffer: await drawnPicture(),
      });
      assert.match(await execute(operation), /^200/, await operation.locator('.live-responses-table').innerText());
    });
  }

  /** The form of a route, ready to be filled in. */
  async function openForm(path: string): Promise<Locator> {
    const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
    await page.goto(`${service.url}/docs`);
    const operation = page.locator('.opblock-post', { hasText: path }).first();
    await operation.locator('.opblock-summary').click();
    await operation.getByRole('button', { name: 'Try it out' }).click();
    await operation.locator('.opblock-section-request-body select').first().selectOption('multipart/form-data');
    return operation;
  }
});
