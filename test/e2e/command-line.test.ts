import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { decodeRle, maskArea } from '@tessera/masks';
import { provideEmptyQueue } from '@tessera/runtime/testing';
import sharp from 'sharp';
import { writeShapes } from '../support/compositions.js';
import {
  blocksOf,
  commandFor,
  commandSkipReason,
  commandsOf,
  documents,
  inShell,
  linkCommandLine,
} from '../support/documents.js';
import { startProcess, type RunningProcess } from '../support/process.js';
import { repositoryRoot } from '../support/repository-copy.js';
import { drawnPicture } from '../support/requests.js';

const program = join(repositoryRoot, 'packages/cli/bin/tessera.js');
const execute = promisify(execFile);

/** Guides whose commands need a service with other models or settings: the tests of these run them. */
const ownServices = ['serve-clip', 'serve-lisa-7b', 'webhooks'].map((name) => `docs/guides/${name}.md`);
const documented = await Promise.all(
  (await documents()).map(async (document) => ({ document, commands: await commandsOf(document) })),
);

/** Another directory than that of the installation. */
let directory: string;
/** With the program. */
let path: string;
let service: RunningProcess;
let environment: Record<string, string>;
/** Of photo.jpg, once it is stored. */
let photoId: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-command-line-'));
  await writeFile(join(directory, 'photo.jpg'), await drawnPicture());
  for (const photos of ['photos', 'mixed']) {
    await mkdir(join(directory, photos));
    // The service looks at a picture once, whatever it is called.
    await writeFile(join(directory, photos, '1.jpg'), await drawnPicture());
    await writeFile(join(directory, photos, '2.jpg'), await drawnPicture(2));
  }
  await writeFile(join(directory, 'mixed/broken.jpg'), 'no image');
  await mkdir(join(directory, 'photos/images'));
  await writeFile(join(directory, 'photos/images/1.jpg'), await drawnPicture());
  await writeFile(join(directory, 'photos/queries.json'), '[{ "image": "1.jpg", "query": "the zebra" }]');
  // The README's photo is in the clone.
  await symlink(join(repositoryRoot, 'packages'), join(directory, 'packages'));
  await writeShapes(join(directory, 'garments'), 3);
  path = await linkCommandLine(directory);
  provideEmptyQueue(join(directory, 'data/queue'));
  service = startProcess('node', [program, 'serve', '--port', '0', '--data', join(directory, 'data')]);
  const [, url = ''] = await service.waitForOutput(/Tessera is ready: (\S+)/, 180_000);
  environment = { TESSERA_CLIENT_URL: url };
  const headers = { 'content-type': 'image/jpeg' };
  const stored = await fetch(`${url}/images`, { method: 'POST', headers, body: new Uint8Array(await drawnPicture()) });
  ({ id: photoId } = (await stored.json()) as { id: string });
});

after(async () => {
  await service.stop('SIGTERM');
  await rm(directory, { recursive: true, force: true });
});

/** Runs the program in {@link directory}; its exit code and what it printed on either stream. */
async function tessera(...words: string[]): Promise<{ code: number; output: string; errors: string }> {
  const settings = { cwd: directory, env: { PATH: process.env.PATH, ...environment }, maxBuffer: 1 << 26 };
  return outcomeOf(execute(process.execPath, [program, ...words], settings));
}

/** How a program ended, and what it printed. */
async function outcomeOf(
  running: Promise<{ stdout: string; stderr: string }>,
): Promise<{ code: number; output: string; errors: string }> {
  const { code, stdout, stderr } = await running.then(
    (streams) => ({ code: 0, ...streams }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
  return { code, output: stdout, errors: stderr };
}

/** Pixel values of a picture in the directory, one channel. */
async function pixelsOf(path: string) {
  const { data, info } = await sharp(join(directory, path))
    .extractChannel(0)
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, at: (x: number, y: number) => data[y * info.width + x] };
}

describe('the command line, from any directory', { timeout: 600_000 }, () => {
  it('writes the mask and the overlay of a photo', async () => {
    const { code, output, errors } = await tessera(
      ...['segment', 'photo.jpg', 'the stop sign', '--out', 'mask.png', '--overlay', 'overlay.jpg'],
    );
    assert.equal(code, 0, errors);
    assert.match(output, /the stop sign +yes +\d+\.\d % +stop sign +\d+ /);
    const mask = await pixelsOf('mask.png');
    assert.deepEqual([mask.width, mask.height], [640, 480]);
    assert.deepEqual([mask.at(230, 190), mask.at(20, 20)], [255, 0], 'a point on the sign, and one in the sky');
    const [before, overlay] = [await pixelsOf('photo.jpg'), await pixelsOf('overlay.jpg')];
    assert.deepEqual([overlay.width, overlay.height], [640, 480]);
    const change = (x: number, y: number) => Math.abs((overlay.at(x, y) ?? 0) - (before.at(x, y) ?? 0));
    assert.ok(change(20, 20) < 16, 'the sky is left as it was');
  });

  it('answers points and boxes, and several queries as JSON', async () => {
    const point = await tessera('segment', 'photo.jpg', '--point', '230,190', '--out', 'point.png');
    assert.equal(point.code, 0, point.errors);
    assert.equal((await pixelsOf('point.png')).at(230, 190), 255);
    const { output } = await tessera(
      'segment',
      'photo.jpg',
      'the stop sign',
      'the zebra',
      '--json',
      '--pruning',
      'off',
    );
    const { results, pruning } = JSON.parse(output);
    assert.deepEqual([results[0].present, results[1].present, pruning.mode], [true, false, 'off']);
    assert.equal(maskArea(decodeRle(results[0].mask)), results[0].area);
  });

  it('makes COCO annotations of a directory, and plain lines where it is piped', async () => {
    const { code, output, errors } = await tessera('segment', 'mixed', 'the stop sign', '--coco', 'coco.json');
    assert.deepEqual([code, output], [1, ''], errors);
    assert.match(errors, /^broken\.jpg: TSR_IMAGE_FORMAT_UNSUPPORTED: /m);
    assert.match(errors, /^\d+ annotations of 2 images are in coco\.json\n1 of 3 images failed\.\n$/m);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(errors, /[\r\u001b]/);
    const { images, annotations, categories } = JSON.parse(await readFile(join(directory, 'coco.json'), 'utf8'));
    assert.deepEqual(images, [
      { id: 1, file_name: '1.jpg', width: 640, height: 480 },
      { id: 2, file_name: '2.jpg', width: 640, height: 480 },
    ]);
    assert.deepEqual(categories, [{ id: 1, name: 'the stop sign', supercategory: 'query' }]);
    for (const { segmentation, area } of annotations) assert.equal(maskArea(decodeRle(segmentation)), area);
    assert.deepEqual(new Set(annotations.map(({ image_id: id }: { image_id: number }) => id)), new Set([1, 2]));
  });

  it('warns of words that a classification does not know', async () => {
    const words = ['classify', 'photo.jpg', '--attributes', 'red,赤い', '--objects', 'sign,dress'];
    const { code, output, errors } = await tessera(...words);
    assert.equal(code, 0, errors);
    assert.match(errors, /\(unknown_words\): 赤い\n/);
    assert.match(output, /red sign/);
  });

  it('checks itself', async () => {
    const { code, output } = await tessera('doctor');
    assert.equal(code, 0, output);
    assert.match(output, /^ok +service +.* is ready: .*tessera-mini/m);
    assert.match((await tessera('models')).output, /tessera-mini@\d+ +segmentation +yes/);
  });
});

describe('the commands in the documents', { timeout: 600_000, concurrency: true }, () => {
  for (const { document, commands } of documented) {
    if (commands.length === 0 || ownServices.includes(document)) continue;
    it(`work: ${document}`, async (test) => {
      const reason = commandSkipReason(commands);
      if (reason !== false) {
        test.skip(reason);
        return;
      }
      // What the commands before have printed, for the ids that a person copies from there.
      let printed = '';
      for (const command of commands) {
        const running = await outcomeOf(inShell(asHere(command, printed), directory, shellEnvironment()));
        assert.equal(running.code, 0, `${command}\n${running.errors}${running.output}`);
        printed += running.output;
      }
    });
  }

  it('give about the numbers that the README shows', async (test) => {
    const [request = ''] = await commandsOf('README.md');
    const reason = commandSkipReason([request]);
    if (reason !== false) {
      test.skip(reason);
      return;
    }
    const [block = ''] = await blocksOf('README.md', 'jsonc');
    const shown = JSON.parse(block.replaceAll(/ \/\/ .*$/gm, '').replaceAll('{ … }', '{}'));
    const { stdout } = await inShell(asHere(request, ''), directory, shellEnvironment());
    const { model, results } = JSON.parse(stdout);
    assert.deepEqual([model, results.length], [shown.model, shown.results.length]);
    for (const [index, result] of results.entries()) {
      const { score, mask_score: maskScore, bbox, area, mask, ...exact } = shown.results[index];
      for (const [name, value] of Object.entries(exact)) assert.deepEqual(result[name], value, name);
      assert.deepEqual(result.mask.size, mask.size);
      // Processors round differently.
      const near = (actual: number, expected: number, tolerance: number, name: string) => {
        assert.ok(Math.abs(actual - expected) <= tolerance, `the README shows ${name} ${expected}, not ${actual}`);
      };
      near(result.score, score, 0.02, 'the score');
      near(result.mask_score, maskScore, 0.02, 'the mask_score');
      near(result.area, area, 0.03 * area, 'the area');
      const [height, width] = mask.size;
      for (const [place, side] of [width, height, width, height].entries())
        near(result.bbox[place], bbox[place], 0.03 * side, `bbox[${place}]`);
    }
  });

  /** A command for this service and its photo, with the ids that a person puts into it. */
  function asHere(command: string, printed: string): string {
    const job = [...printed.matchAll(/^location: \/jobs\/(\S+)/gim)].at(-1)?.[1] ?? '';
    return (
      commandFor(environment.TESSERA_CLIENT_URL ?? '', command)
        .replace(/\/jobs\/(training-)?…/, `/jobs/${job}`)
        // The service fetches nothing in a test.
        .replaceAll(/sha256:…|https:\/\/example\.org\/photo\.jpg/g, photoId)
        // Of a few photos a training would go through five hundred epochs.
        .replace(/^tessera vocabulary train .*/, '$& --epochs 20')
        .replace('-F archive=', `-F 'recipe={"epochs": 20}' $&`)
    );
  }

  function shellEnvironment(): NodeJS.ProcessEnv {
    return { ...environment, PATH: path, URL: pathToFileURL(join(directory, 'photo.jpg')).href };
  }
});
