/** `npm run docs:screenshots`: asks the embedded server on the playground, and writes the pictures that the documentation shows. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { launchBrowser } from './browser.js';
import { apiKey, ask, openPlayground, openSample } from './playground.js';
import { repositoryRoot } from './repository-copy.js';
import { startEmbedded } from './services.js';

const pictures = join(repositoryRoot, 'docs/images');
const format = { type: 'jpeg', quality: 88 } as const;
const desktop = { viewport: { width: 1200, height: 760 } };
const phone = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

const directory = await mkdtemp(join(tmpdir(), 'tessera-screenshots-'));
const service = await startEmbedded({ DATA_DIR: directory, API_KEYS: apiKey });
const browser = await launchBrowser();
try {
  const { page } = await openPlayground(browser, service.url, { ...desktop, colorScheme: 'light' });
  await openSample(page, 'Astronaut');
  await ask(page, 'the car');
  await page.getByRole('button', { name: /^the person/ }).click();
  await settle();
  await page.screenshot({ path: join(pictures, 'playground.jpg'), ...format });
  await page.getByRole('button', { name: 'Tokens' }).click();
  await page.locator('.cuts > .card').nth(3).waitFor();
  await page.getByRole('button', { name: /^Save 50/ }).click();
  await page.setViewportSize({ width: 1200, height: 960 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await settle();
  await page.screenshot({ path: join(pictures, 'playground-tokens.jpg'), ...format });

  const { page: small } = await openPlayground(browser, service.url, { ...phone, colorScheme: 'dark' });
  await openSample(small, 'Cat');
  await settle();
  await small.screenshot({ path: join(pictures, 'playground-phone.jpg'), ...format });
} finally {
  await browser.close();
  await service.process.stop('SIGTERM');
  await rm(directory, { recursive: true, force: true });
}

/** Masks fade in. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 600));
}
