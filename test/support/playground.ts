import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { decodeRle } from '@tessera/masks';
import type { AxeResults } from 'axe-core';
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';
import { repositoryRoot } from './repository-copy.js';

/** A page of the playground, and what went wrong in it. */
export interface PlaygroundPage {
  readonly page: Page;
  readonly failures: string[];
}

/** Long enough for a photo that a busy machine has not seen before. */
const answerTimeoutMs = 60_000;

/** The key of the service under test; pages have it unless they drop it. */
export const apiKey = 'playground-key-0123456789';

/**
 * Opens the playground. Errors of its scripts, refusals of its security policy and requests to other servers are
 * collected.
 */
export async function openPlayground(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<PlaygroundPage> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    permissions: ['clipboard-read', 'clipboard-write'],
    // Nothing fades, so that no time goes into painting it on machines without a graphics processor.
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(answerTimeoutMs);
  const failures: string[] = [];
  page.on('pageerror', (error) => failures.push(error.message));
  page.on('console', (message) => {
    // Tests of what the page says about failures let requests fail.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      failures.push(message.text());
  });
  page.on('request', (request) => {
    const target = new URL(request.url());
    if (target.protocol !== 'blob:' && target.origin !== new URL(url).origin) failures.push(`asked ${target.href}`);
  });
  await page.goto(url);
  await page.evaluate((key) => {
    sessionStorage.setItem('tessera-api-key', key);
  }, apiKey);
  return { page, failures };
}

/** The file of a sample. */
export function sample(file: string): string {
  return join(repositoryRoot, 'packages/playground/public/samples', file);
}

/** Opens a sample by its name and waits for the answer to its first query. */
export async function openSample(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name }).click();
  await answered(page);
}

/** Waits for the answer to the selected layer. Looks at every frame: the waits of locators look twice a second. */
export async function answered(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('.card.selected .verdict') !== null);
}

/** The card of a layer. */
export function card(page: Page, name: string) {
  return page
    .getByRole('list', { name: 'Layers' })
    .locator('.card')
    .filter({ has: page.getByRole('button', { name, exact: false }) });
}

/** Asks for a query, or for several between semicolons, as a person does, and waits for the answer. */
export async function ask(page: Page, query: string): Promise<void> {
  await page.getByLabel('What should be found?').fill(query);
  await page.keyboard.press('Enter');
  await answered(page);
}

/** Drops files or folders of this machine on a part of the page, as a person drags them there from another window. */
export async function dropFiles(target: Locator, paths: readonly string[]): Promise<void> {
  await target.scrollIntoViewIfNeeded();
  const { x, y, width, height } = (await target.boundingBox()) ?? assert.fail('it is not to be seen');
  const place = { x: x + width / 2, y: y + height / 2 };
  const session = await target.page().context().newCDPSession(target.page());
  const data = { items: [], files: [...paths], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const)
    await session.send('Input.dispatchDragEvent', { type, ...place, data });
  await session.detach();
}

/** The pixels of the overlay number `index` as `[H, W]`, 1 where something is drawn. */
export async function drawnPixels(
  page: Page,
  index: number,
): Promise<{ width: number; height: number; data: Uint8Array }> {
  const { width, height, drawn } = await page
    .locator('.overlays > canvas')
    .nth(index)
    .evaluate((canvas: HTMLCanvasElement) => {
      const { width: columns, height: rows } = canvas;
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, columns, rows).data ?? new Uint8ClampedArray();
      let text = '';
      for (let pixel = 0; pixel < columns * rows; pixel++) text += (pixels[pixel * 4 + 3] ?? 0) > 0 ? '1' : '0';
      return { width: columns, height: rows, drawn: text };
    });
  return { width, height, data: Uint8Array.from(drawn, Number) };
}

/** The mask that the service itself gives for a query about a file. */
export async function servedMask(url: string, file: string, fields: Readonly<Record<string, string>>) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('image', new Blob([await readFile(file)]), 'photo.jpg');
  const response = await fetch(new URL('segment', url), {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}` },
    body: form,
  });
  assert.equal(response.status, 200);
  const { results } = (await response.json()) as { results: [{ mask: { size: unknown; counts: unknown } }] };
  return decodeRle(results[0].mask);
}

const axeSource = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Fails with what axe-core finds serious or critical on the page as it is, or when it has no first heading. */
export async function assertAccessible(page: Page): Promise<void> {
  // Colours are measured once they have arrived.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.evaluate(await axeSource);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run: () => Promise<AxeResults> } }).axe.run(),
  );
  const serious = violations.filter(
    ({ id, impact }) => impact === 'serious' || impact === 'critical' || id === 'page-has-heading-one',
  );
  assert.deepEqual(
    serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`),
    [],
  );
}
