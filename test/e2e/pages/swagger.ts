import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import type { Pages } from '../../support/pages.js';
import { apiKey } from '../../support/playground.js';
import { drawnPicture } from '../../support/requests.js';

/** The documentation page, whose forms send requests. */
export function testSwagger(pages: () => Pages): void {
  let page: Page;
  const failures: string[] = [];

  before(async () => {
    const { browser, url } = pages();
    page = await browser.newPage({
      viewport: { width: 1200, height: 900 },
      extraHTTPHeaders: { authorization: `Bearer ${apiKey}` },
    });
    page.setDefaultTimeout(60_000);
    page.on('pageerror', (error) => failures.push(error.message));
    page.on('requestfailed', (request) => failures.push(request.url()));
    await page.goto(`${url}/docs`);
  });

  after(() => page.context().close());

  for (const path of ['/segment', '/classify-composition']) {
    it(`shows POST ${path}, and its example is answered 200`, async () => {
      const operation = operationOf(path);
      await operation.locator('.opblock-summary').click();
      await operation.getByRole('button', { name: 'Try it out' }).click();
      assert.match(await execute(operation), /^200/);
      assert.deepEqual(failures, []);
    });

    it(`answers 200 to the form of POST ${path}, untouched but for a file`, async () => {
      const operation = operationOf(path);
      await operation.locator('.opblock-section-request-body select').first().selectOption('multipart/form-data');
      assert.equal(await operation.locator('input[type=file]').count(), 1, 'only the image is a file');
      await operation.locator('input[type=file]').setInputFiles({
        name: 'picture.jpg',
        mimeType: 'image/jpeg',
        buffer: await drawnPicture(),
      });
      assert.match(await execute(operation), /^200/, await operation.locator('.live-responses-table').innerText());
      assert.deepEqual(failures, []);
    });
  }

  function operationOf(path: string): Locator {
    return page.locator('.opblock-post', { hasText: path }).first();
  }
}

/** Sends the request of an operation; its status. */
async function execute(operation: Locator): Promise<string> {
  const answered = operation.page().waitForResponse((response) => response.request().method() === 'POST');
  await operation.getByRole('button', { name: 'Execute' }).click();
  await answered;
  const status = operation.locator('.live-responses-table .response .response-col_status').first();
  await status.waitFor();
  return status.innerText();
}
