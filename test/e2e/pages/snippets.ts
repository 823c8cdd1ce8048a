import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import type { Pages } from '../../support/pages.js';
import { apiKey, card, openSample, sample } from '../../support/playground.js';

const run = promisify(execFile);

/** Requests that are copied as code. */
export function testSnippets(pages: () => Pages): void {
  it('copies a request as code that gives the same answer', () =>
    pages().onPlayground(
      async (page) => {
        await openSample(page, 'Coffee');
        await page.getByRole('button', { name: 'Copy as curl' }).click();
        await page.locator('.copy', { hasText: 'copied' }).waitFor();
        const command = await page.evaluate(() => navigator.clipboard.readText());
        const { stdout } = await run('sh', ['-c', command], {
          cwd: dirname(sample('coffee.jpg')),
          env: { ...process.env, TESSERA_API_KEY: apiKey },
        });
        const [result] = (JSON.parse(stdout) as { results: { query: string; area: number }[] }).results;
        assert.equal(result?.query, 'the cup');
        assert.match(await card(page, 'the cup').innerText(), new RegExp(`${result.area.toLocaleString('en')} px`));
      },
      { permissions: ['clipboard-read', 'clipboard-write'] },
    ));
}
