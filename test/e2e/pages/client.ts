import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, it } from 'node:test';
import { promisify } from 'node:util';
import { intersectionOverUnion } from '@tessera/masks';
import { blocksOf } from '../../support/documents.js';
import type { Pages } from '../../support/pages.js';
import { apiKey, sample, servedMask } from '../../support/playground.js';
import { bundlePage, checkTypes, installPackedClient } from '../../support/stranger.js';

const coffee = sample('coffee.jpg');
const html = '<!doctype html><input type="file"><canvas></canvas><script type="module" src="./page.js"></script>';

/** `@tessera/client` from the tarballs that npm would publish, and the code of its README. */
export function testClient(pages: () => Pages): void {
  let directory: string;
  let examples: readonly string[];
  let pageCode: string;

  before(async () => {
    directory = join(pages().directory, 'stranger');
    await mkdir(directory);
    const blocks = await blocksOf('packages/client/README.md', 'js');
    pageCode = blocks.find((block) => block.includes('document.')) ?? '';
    examples = blocks.filter((block) => block !== pageCode);
    await Promise.all([
      installPackedClient(directory),
      copyFile(coffee, join(directory, 'photo.jpg')),
      ...examples.map((code, index) => writeFile(join(directory, fileName(index)), code)),
    ]);
  });

  it('runs as the README shows it', async () => {
    const printed = await Promise.all(examples.map(runExample));
    assert.match(printed[0] ?? '', /^true 0\.\d+ cup \[ \d+, \d+, \d+, \d+ \]$/m);
    assert.match(printed[1] ?? '', /^[1-9]\d*$/m);
    assert.match(printed[2] ?? '', /^600 400 86400 [1-9]\d*$/m);
    assert.match(printed[3] ?? '', /^(red|black) (dress|shirt) 0\.\d+$/m);
    // A short job reports no progress.
    assert.match(printed[4] ?? '', /^((vision|mask|language|decode) [\d.]+\n)*$/);
  });

  it('has types for Node and for bundlers', async () => {
    const names = [...examples.keys()].map(fileName);
    await Promise.all((['node16', 'bundler'] as const).map((resolution) => checkTypes(directory, names, resolution)));
  });

  it('is bundled into a page, which paints a mask on a canvas', async () => {
    const site = join(directory, 'dist');
    await writeFile(join(directory, 'index.html'), html);
    await writeFile(join(directory, 'page.js'), whenChosen(ownQuery(pageCode)));
    await bundlePage(directory);
    const { browser, url } = pages();
    const page = await browser.newPage({ extraHTTPHeaders: { authorization: `Bearer ${apiKey}` } });
    const failures: string[] = [];
    page.on('pageerror', (error) => failures.push(error.message));
    await page.route(`${url}/stranger/**`, (route) =>
      route.fulfill({ path: join(site, new URL(route.request().url()).pathname.replace('/stranger', '')) }),
    );
    await page.goto(`${url}/stranger/index.html`);
    await page.locator('input').setInputFiles(coffee);
    await page.waitForFunction(() => document.querySelector('canvas')?.classList.contains('painted'));
    const painted = await page.locator('canvas').evaluate(async (canvas: HTMLCanvasElement) => {
      const { width, height } = canvas;
      const pixels = canvas.getContext('2d')?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
      const plain = new OffscreenCanvas(width, height).getContext('2d');
      const [file] = document.querySelector('input')?.files ?? [];
      if (file !== undefined) plain?.drawImage(await createImageBitmap(file), 0, 0);
      const before = plain?.getImageData(0, 0, width, height).data ?? new Uint8ClampedArray();
      let text = '';
      for (let index = 0; index < pixels.length; index += 4)
        text += [0, 1, 2].some((channel) => pixels[index + channel] !== before[index + channel]) ? '1' : '0';
      return { width, height, text };
    });
    await page.context().close();
    assert.deepEqual(failures, []);
    const data = Uint8Array.from(painted.text, Number);
    const served = await servedMask(url, coffee, { query: 'the cup' });
    assert.ok(intersectionOverUnion({ ...painted, data }, served) > 0.99);
  });

  /** Runs an example with this service in place of the usual one; what it prints. */
  async function runExample(code: string, index: number): Promise<string> {
    const text = ownQuery(code).replace("url: 'http://127.0.0.1:3000'", `url: '${pages().url}', apiKey: '${apiKey}'`);
    const script = join(directory, `run-${index}.mjs`);
    await writeFile(script, text);
    const { stdout } = await promisify(execFile)('node', [script], { cwd: directory });
    return stdout;
  }
}

function fileName(index: number): string {
  return `example-${index + 1}.ts`;
}

/** The photo shows a cup. */
function ownQuery(code: string): string {
  return code.replaceAll('the dog', 'the cup');
}

/** The README's code for a page, run when a file is chosen. */
function whenChosen(code: string): string {
  const lines = code.split('\n');
  const imports = lines.filter((line) => line.startsWith('import '));
  const rest = lines.filter((line) => !line.startsWith('import '));
  return [
    ...imports,
    "document.querySelector('input').addEventListener('change', async () => {",
    ...rest,
    "canvas.classList.add('painted');",
    '});',
  ].join('\n');
}
