import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { Locator, Page, Response } from 'playwright-core';
import type { Pages } from '../../support/pages.js';
import { apiKey, sample } from '../../support/playground.js';

/** What the routes answer to their examples, as far as a person looks at it. */
const answers = {
  '/segment': ({ results: [result] }: Answer) => `${result.query}: ${result.label} ${result.present}`,
  '/classify-composition': ({ results: [result] }: Answer) => result.predictions?.[0]?.label,
};
interface Answer {
  readonly results: readonly [
    { readonly query?: string; label?: string; present?: boolean; predictions?: readonly { readonly label: string }[] },
  ];
}

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

  for (const [path, expected] of [
    ['/segment', 'the cup: cup true'],
    ['/classify-composition', 'ceramic cup'],
  ] as const) {
    it(`answers the example of POST ${path}, untouched, with what the photo shows`, async () => {
      const operation = operationOf(path);
      await operation.locator('.opblock-summary').click();
      await operation.getByRole('button', { name: 'Try it out' }).click();
      const response = await execute(operation);
      assert.equal(answers[path]((await response.json()) as Answer), expected);
      assert.deepEqual(failures, []);
    });

    it(`answers the form of POST ${path}, untouched, with what the photo shows, and a file that is chosen`, async () => {
      const operation = operationOf(path);
      await operation.locator('.opblock-section-request-body select').first().selectOption('multipart/form-data');
      const untouched = (await (await execute(operation)).json()) as Answer;
      assert.equal(answers[path](untouched), expected);
      assert.equal(await operation.locator('input[type=file]').count(), 1, 'only the image is a file');
      await operation.locator('input[type=file]').setInputFiles(sample('coffee.jpg'));
      await execute(operation);
      assert.deepEqual(failures, []);
    });

    for (const type of ['image/jpeg', 'application/octet-stream']) {
      it(`answers 200 to POST ${path} with ${type}, given a file and the example for it`, async () => {
        const operation = operationOf(path);
        await operation.locator('.opblock-section-request-body select').first().selectOption(type);
        await operation
          .locator('.parameters .examples-select select')
          .selectOption({ label: 'With an image as the body' });
        await operation.locator('input[type=file]').setInputFiles(sample('coffee.jpg'));
        await execute(operation);
        assert.deepEqual(failures, []);
      });
    }
  }

  it('is short: errors are lines of words', async () => {
    const height = await operationOf('/segment').evaluate((element) => element.getBoundingClientRect().height);
    assert.ok(height < 5_500, `POST /segment is ${height} px high`);
  });

  for (const path of ['/label-studio/predict', '/label-studio/setup']) {
    it(`answers 200 to the example of POST ${path}, untouched`, async () => {
      const operation = operationOf(path);
      await operation.locator('.opblock-summary').click();
      await operation.getByRole('button', { name: 'Try it out' }).click();
      await execute(operation);
      assert.deepEqual(failures, []);
    });
  }

  function operationOf(path: string): Locator {
    return page.locator('.opblock-post', { hasText: path }).first();
  }
}

/** Sends the request of an operation; the response, which the page shows as 200. */
async function execute(operation: Locator): Promise<Response> {
  const answered = operation.page().waitForResponse((response) => response.request().method() === 'POST');
  await operation.getByRole('button', { name: 'Execute' }).click();
  const response = await answered;
  assert.equal(response.status(), 200);
  const shown = operation.locator('.live-responses-table .response');
  await shown.first().waitFor();
  assert.match(
    await shown.locator('.response-col_status').first().innerText(),
    /^200/,
    await shown.first().innerText(),
  );
  return response;
}
