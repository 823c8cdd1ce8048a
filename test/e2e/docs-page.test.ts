import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { browserSkipReason, launchBrowser } from '../support/browser.js';
import { startEmbedded, type HttpService } from '../support/services.js';

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
    await operation.getByRole('button', { name: 'Execute' }).click();
    const status = operation.locator('.live-responses-table .response .response-col_status').first();
    await status.waitFor({ timeout: 30_000 });
    assert.match(await status.innerText(), /^200/);
    assert.deepEqual(failures, []);
  });
});
