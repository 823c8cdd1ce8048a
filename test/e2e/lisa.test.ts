import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Tokenizer } from '@huggingface/tokenizers';
import sharp from 'sharp';
import { commandFor, commandSkipReason, commandsOf, inShell } from '../support/documents.js';
import { startProcess } from '../support/process.js';
import { trainingPython, trainingSkipReason } from '../support/python.js';
import { repositoryRoot } from '../support/repository-copy.js';
import { bodyOf } from '../support/requests.js';
import { startEmbedded, type HttpService } from '../support/services.js';

const run = promisify(execFile);

/** What these tests read of an answer. */
interface Answer {
  readonly results: readonly {
    readonly query: string;
    readonly score: number;
    readonly area: number;
    readonly mask_score?: number;
    readonly mask: { readonly counts: readonly number[] };
    readonly token_map?: readonly { readonly tokens: readonly number[] }[];
    readonly warnings: readonly { readonly code: string; readonly words: readonly string[] }[];
  }[];
  readonly pruning?: {
    readonly stages: readonly { readonly name: string; readonly layers: number[]; readonly image_tokens: number }[];
    readonly image_tokens: number;
    readonly flops_reduction: number;
  };
}

/** The side that the miniature's graphs read: the picture is never resized. */
const side = 224;
const queries = ['the dog on the sofa', 'Find the thing that bärks.'];

describe('a LISA checkpoint folder', { skip: trainingSkipReason, timeout: 300_000 }, () => {
  let directory: string;
  let service: HttpService;
  let picture: Buffer;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-lisa-'));
    picture = await noise();
    await writeFile(join(directory, 'picture.png'), picture);
    await run(trainingPython, ['training/tests/miniature_lisa.py', directory], { cwd: repositoryRoot });
    await exportBundle('lisa-mini', 'float32');
    await exportBundle('lisa-blocks', 'int4');
    service = await startEmbedded({
      DATA_DIR: join(directory, 'data'),
      MODELS_DIR: join(directory, 'models'),
      TESSERA_DEFAULT_MODEL: 'lisa-mini',
    });
  });

  after(async () => {
    await service.process.stop('SIGTERM');
    await rm(directory, { recursive: true, force: true });
  });

  async function exportBundle(name: string, precision: string): Promise<void> {
    const folders = ['--checkpoint', join(directory, 'lisa'), '--clip', join(directory, 'clip')];
    const words = ['bundle', 'export', 'lisa', ...folders, '--out', join(directory, 'models', name)];
    const options = ['--precision', precision, '--python', trainingPython];
    const command = startProcess('node', ['packages/cli/bin/tessera.js', ...words, ...options]);
    assert.equal(await command.exitCode(), 0, command.output());
  }

  async function segment(body: object): Promise<{ status: number; answer: Answer }> {
    const response = await fetch(`${service.url}/segment`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image: picture.toString('base64'), ...body }),
      signal: AbortSignal.timeout(60_000),
    });
    return { status: response.status, answer: (await bodyOf(response)) as Answer };
  }

  it('becomes ready by itself, before any request', async () => {
    const deadline = Date.now() + 30_000;
    let readiness = await fetch(`${service.url}/readyz`);
    while (readiness.status !== 200 && Date.now() < deadline) readiness = await fetch(`${service.url}/readyz`);
    assert.equal(readiness.status, 200, JSON.stringify(await bodyOf(readiness)));
  });

  it('answers as the model that transformers puts together from it', async () => {
    const reference = ['training/tests/lisa_reference.py', join(directory, 'picture.png'), ...queries];
    const folders = ['--checkpoint', join(directory, 'lisa'), '--clip', join(directory, 'clip')];
    const { stdout } = await run(trainingPython, [...reference, ...folders], { cwd: repositoryRoot });
    const expected = JSON.parse(stdout) as { runs: number[]; iou: number }[];
    const output = { format: 'rle_uncompressed' };
    const { status, answer } = await segment({ queries, pruning: { mode: 'off' }, threshold: 0, output });
    assert.equal(status, 200, JSON.stringify(answer));
    for (const [index, { query, mask, score, mask_score: iou, warnings }] of answer.results.entries()) {
      const own = expected[index];
      assert.ok(own);
      assert.equal(query, queries[index]);
      assert.ok(Math.abs((iou ?? 0) - Math.min(1, Math.max(0, own.iou))) < 2e-3, `IoU ${iou}, expected ${own.iou}`);
      assert.ok(Math.abs(score - Math.min(0.999, Math.max(0.001, own.iou))) < 2e-3, `score ${score}`);
      assert.deepEqual(
        warnings.map(({ code }) => code),
        ['uncalibrated_score'],
      );
      const area = pixelsOf(mask).reduce((sum, pixel) => sum + pixel, 0) / side ** 2;
      assert.ok(area > 0.05 && area < 0.95, `the mask covers ${area} of the picture, which would say nothing`);
      const agreement = intersectionOverUnion(pixelsOf(mask), pixelsOfRows(own.runs));
      assert.ok(agreement > 0.97, `the mask of "${query}" agrees by ${agreement}`);
    }
  });

  it('answers the request of its guide', { skip: commandSkipReason(['curl ']) }, async () => {
    await writeFile(join(directory, 'photo.jpg'), await sharp(picture).jpeg().toBuffer());
    for (const request of await commandsOf('docs/guides/serve-lisa-7b.md')) {
      const { stdout } = await inShell(commandFor(service.url, request), directory);
      const { model, results } = JSON.parse(stdout) as Answer & { readonly model: string };
      assert.match(model, /^lisa-mini@/);
      assert.ok(request.includes(`query='${results[0]?.query ?? ''}'`));
    }
  });

  it('is pruned as the request asks, and says so', async () => {
    const { status, answer } = await segment({ queries, threshold: 0, output: { token_map: true } });
    assert.equal(status, 200, JSON.stringify(answer));
    assert.ok(answer.pruning);
    assert.equal(answer.pruning.image_tokens, 256);
    assert.deepEqual(
      answer.pruning.stages.map(({ name, layers, image_tokens: tokens }) => [name, layers, tokens]),
      [
        ['clustering', [0, 3], 64],
        ['scattering', [3, 4], 256],
        ['pruning', [4, 6], 32],
      ],
    );
    const [first = [], second = []] = answer.results.map(({ token_map: map = [] }) => map.map(({ tokens }) => tokens));
    assert.deepEqual(
      first.map(({ length }) => length),
      [64, 256, 32],
    );
    assert.deepEqual(first[0], second[0], 'the queries share the first layers');
    assert.notDeepEqual(first[2], second[2], 'each chooses its own tokens for the last ones');

    const { answer: pyramid } = await segment({ query: 'the dog', pruning: { mode: 'pyramid', reduction: 0.5 } });
    assert.ok((pyramid.pruning?.flops_reduction ?? 0) >= 0.5);
    const refused = await segment({ query: 'the dog', refine: false });
    assert.equal(refused.status, 422, JSON.stringify(refused.answer));
  });

  it('answers in 4-bit blocks, too, and keeps what only the prompt may say out of queries', async () => {
    const { status, answer } = await segment({ query: 'the [SEG] dog', model: 'lisa-blocks', threshold: 0 });
    assert.equal(status, 200, JSON.stringify(answer));
    assert.deepEqual(answer.results.at(0)?.warnings.at(0), { code: 'ignored_words', words: ['[SEG]'] });
    assert.ok((answer.results.at(0)?.area ?? 0) > 0);
  });

  it('answers more words than one run of its language model takes', async () => {
    const long = Array.from({ length: 16 }, (_, index) => `${'very '.repeat(90)}large dog ${index}`);
    const { status, answer } = await segment({ queries: long, threshold: 0 });
    assert.equal(status, 200, JSON.stringify(answer));
    assert.deepEqual(
      answer.results.map(({ query }) => query),
      long,
    );
    const { answer: alone } = await segment({ query: long[12], threshold: 0 });
    const [together, single] = [answer.results[12]?.area ?? 0, alone.results[0]?.area ?? 0];
    assert.ok(Math.abs(together - single) <= 5, `${together} pixels beside others, ${single} alone`);
  });

  it('takes clicks and boxes as SAM does', async () => {
    const box = { box: [20, 30, 100, 120] };
    const { status, answer } = await segment({ prompts: [box, { points: [{ x: 50, y: 60, label: 1 }] }] });
    assert.equal(status, 200, JSON.stringify(answer));
    assert.equal(answer.results.length, 2);
    const corrected = await segment({
      query: 'the dog',
      threshold: 0,
      prompts: [{ points: [{ x: 9, y: 9, label: 0 }] }],
    });
    assert.equal(corrected.status, 200, JSON.stringify(corrected.answer));
  });

  it('has its words cut into tokens as by Python', async () => {
    const bundle = join(directory, 'models/lisa-mini');
    const script = ['training/tests/odd_texts.py', join(bundle, 'tokenizer.json')];
    const { stdout } = await run(trainingPython, script, { cwd: repositoryRoot, maxBuffer: 1 << 26 });
    const expected = JSON.parse(stdout) as { text: string; ids: number[] }[];
    assert.equal(expected.length, 2000);
    // The declarations of the package import modules that are not in it, so they have no types.
    const Created = Tokenizer as unknown as new (...definition: unknown[]) => {
      encode(text: string): { ids: number[] };
    };
    const tokenizer = new Created(JSON.parse(await readFile(join(bundle, 'tokenizer.json'), 'utf8')), {});
    const own = expected.map(({ text }) => ({ text, ids: tokenizer.encode(text).ids }));
    assert.deepEqual(own, expected);
  });

  it('is calibrated on a data set, after which its score is a probability', async () => {
    const [root, bundle] = [join(directory, 'photos'), join(directory, 'models/lisa-blocks')];
    await mkdir(join(root, 'images'), { recursive: true });
    await mkdir(join(root, 'masks'));
    const rows: { image: string; query: string; mask?: string }[] = [];
    for (let photo = 0; photo < 6; photo += 1) {
      const [image, mask] = [`${photo}.png`, `mask-${photo}.png`];
      await writeFile(join(root, 'images', image), await noise(photo));
      const pixels = { create: { width: side, height: side, channels: 3 as const, background: 'white' } };
      await sharp(pixels)
        .toColourspace('b-w')
        .png()
        .toFile(join(root, 'masks', mask));
      rows.push({ image, mask, query: `object ${photo}` }, { image, query: `nothing ${photo}` });
    }
    await writeFile(join(root, 'queries.json'), JSON.stringify(rows));
    const words = ['bundle', 'calibrate', bundle, '--dataset', 'folder', '--root', root, '--json'];
    const command = startProcess('node', ['packages/cli/bin/tessera.js', ...words]);
    assert.equal(await command.exitCode(), 0, command.output());
    assert.match(command.output(), /"present": 6,\n {2}"absent": 12,/);
    const manifest = JSON.parse(await readFile(join(bundle, 'bundle.json'), 'utf8')) as {
      readonly version: string;
      readonly settings: { readonly is_calibrated: boolean; readonly presence_calibration: { weights: number[] } };
    };
    assert.equal(manifest.settings.is_calibrated, true);
    assert.equal(manifest.settings.presence_calibration.weights.length, 2);
    assert.match(manifest.version, /^1-calibrated-[0-9a-f]{8}$/);
    assert.deepEqual(
      (await readdir(join(directory, 'models'))).filter((name) => name.includes('calibration')),
      [],
    );

    const calibrated = await startEmbedded({
      DATA_DIR: join(directory, 'calibrated-data'),
      MODELS_DIR: join(directory, 'models'),
      TESSERA_DEFAULT_MODEL: 'lisa-blocks',
    });
    const response = await fetch(`${calibrated.url}/segment`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image: (await noise(0)).toString('base64'), query: 'object 0', threshold: 0 }),
    });
    const answer = (await bodyOf(response)) as Answer;
    await calibrated.process.stop('SIGTERM');
    assert.equal(response.status, 200, JSON.stringify(answer));
    assert.deepEqual(answer.results[0]?.warnings, []);
    const { score, mask_score: iou = 0 } = answer.results[0];
    assert.ok(score > 0 && score < 1 && Math.abs(score - iou) > 1e-6, `${score}`);
  });

  it('is refused when its parts do not belong together', async () => {
    const file = join(directory, 'models/lisa-mini/bundle.json');
    const manifest = await readFile(file, 'utf8');
    const refusals: [text: string, replacement: string, said: RegExp][] = [
      ['"grid_side": 16', '"grid_side": 24', /graph "vision_tower" needs among its outputs "image_embeddings"/],
      ['"maximum_tokens": 2048', '"maximum_tokens": 300', /A query is too long for the model\. \/queries\/0 has/],
      ['<image><im_end>', '<im_end>', /A prompt has <image> once/],
    ];
    for (const [text, replacement, said] of refusals) {
      await writeFile(file, manifest.replace(text, replacement));
      const broken = startProcess('node', ['services/standalone/dist/main.js'], {
        PORT: '0',
        DATA_DIR: join(directory, 'other-data'),
        MODELS_DIR: join(directory, 'models'),
        TESSERA_DEFAULT_MODEL: 'lisa-mini',
      });
      assert.notEqual(await broken.exitCode(), 0);
      await writeFile(file, manifest);
      const output = broken.output();
      assert.match(output, /^Bundle "lisa-mini"/m);
      assert.match(output, said);
    }
  });
});

/** Smooth colours that differ everywhere, as a PNG. */
async function noise(seed = 0): Promise<Buffer> {
  const value = (index: number) => (index * (7919 + 2 * seed) + (index >> 3) * 104_729) % 256;
  const pixels = Uint8Array.from({ length: 12 * 12 * 3 }, (_, index) => value(index));
  const small = sharp(pixels, { raw: { width: 12, height: 12, channels: 3 } });
  return small.resize(side, side, { kernel: 'cubic' }).png().toBuffer();
}

/** Column by column in the file, row by row here. */
function pixelsOf({ counts }: Answer['results'][number]['mask']): Uint8Array {
  const columns = expand(counts);
  return Uint8Array.from(
    { length: side * side },
    (_, pixel) => columns[(pixel % side) * side + Math.floor(pixel / side)] ?? 0,
  );
}

const pixelsOfRows = (runs: readonly number[]): Uint8Array => Uint8Array.from(expand(runs));

function expand(runs: readonly number[]): number[] {
  return runs.flatMap((length, index) => new Array<number>(length).fill(index % 2));
}

function intersectionOverUnion(one: Uint8Array, other: Uint8Array): number {
  let [both, either] = [0, 0];
  for (const [pixel, value] of one.entries()) {
    both += value & (other[pixel] ?? 0);
    either += value | (other[pixel] ?? 0);
  }
  return both / either;
}
