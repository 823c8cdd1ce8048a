import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser } from './browser.js';
import { linkModels } from './models.js';
import { apiKey, openPlayground, type PlaygroundPage } from './playground.js';
import { startEmbedded, type HttpService } from './services.js';

/** The models that the pages ask by default; a start without the others is shorter. */
const models = ['tessera-mini', 'tessera-dual'];

/** One service and one browser for all tests of pages: starting them takes longer than most of the tests. */
export class Pages {
  readonly directory: string;
  readonly browser: Browser;
  readonly #service: HttpService;
  #shared: PlaygroundPage | undefined;

  private constructor(directory: string, service: HttpService, browser: Browser) {
    this.directory = directory;
    this.#service = service;
    this.browser = browser;
  }

  static async start(): Promise<Pages> {
    const directory = await mkdtemp(join(tmpdir(), 'tessera-pages-'));
    const settings = { DATA_DIR: join(directory, 'data'), MODELS_DIR: linkModels(...models), API_KEYS: apiKey };
    const service = await startEmbedded(settings);
    try {
      return new Pages(directory, service, await launchBrowser());
    } catch (error) {
      await service.process.stop('SIGTERM');
      throw error;
    }
  }

  /** Of the service. */
  get url(): string {
    return this.#service.url;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.#service.process.stop('SIGTERM');
    await rm(this.directory, { recursive: true, force: true });
  }

  /**
   * Runs a test on the playground's start screen; the page must not complain. The tests share one page, which is loaded
   * anew for each, unless they have options of their own.
   */
  async onPlayground(test: (page: Page) => Promise<void>, options?: BrowserContextOptions): Promise<void> {
    const isOwn = options !== undefined;
    const reused = isOwn ? undefined : this.#shared;
    const { page, failures } = reused ?? (await openPlayground(this.browser, this.url, options));
    if (!isOwn) this.#shared = { page, failures };
    if (reused !== undefined) {
      failures.splice(0);
      await page.goto(this.url);
    }
    await test(page);
    assert.deepEqual(failures, []);
    if (isOwn) await page.context().close();
  }
}
