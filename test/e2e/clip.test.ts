import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadTokenizer } from '@tessera/tokenizer';
import sharp from 'sharp';
import { writeShapes } from '../support/compositions.js';
import { commandFor, commandSkipReason, commandsOf, inShell, linkCommandLine } from '../support/documents.js';
import { startProcess } from '../support/process.js';
import { runTraining, trainingPython, trainingSkipReason } from '../support/python.js';
import { bodyOf, drawnPicture } from '../support/requests.js';
import { startEmbedded, type HttpService } from '../support/services.js';

/** Words that any vocabulary of CLIP has as one piece: their mean row is the embedding that CLIP itself reads. */
const attributes = ['a', 'q', 'w'];
const objects = ['x', 'z'];
const pairs = attributes.flatMap((attribute) => objects.map((object) => [attribute, object] as const));
const side = 64;

describe('a checkpoint of CLIP', { skip: trainingSkipReason, timeout: 600_000 }, () => {
  let directory: string;
  let checkpoint: string;
  let bundle: string;
  let service: HttpService;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tessera-clip-'));
    [checkpoint, bundle] = [join(directory, 'checkpoint'), join(directory, 'models/small-clip')];
    await runTraining('tests/clip_reference.py', 'write', checkpoint, join(directory, 'texts.json'));
    const words = ['bundle', 'export', 'clip', '--checkpoint', checkpoint, '--out', bundle, '--python', trainingPython];
    const exporting = startProcess('node', ['packages/cli/bin/tessera.js', ...words]);
    assert.equal(await exporting.exitCode(), 0, exporting.output());
    assert.match(exporting.output(), /largest differences: \d\.\de-0[78] of images/);
    service = await startEmbedded({ DATA_DIR: join(directory, 'data'), MODELS_DIR: join(directory, 'models') });
  });

  after(async () => {
    await service.process.stop('SIGTERM');
    await rm(directory, { recursive: true, force: true });
  });

  /** Logits of the pairs, in their order, for each image, as the service gives them. */
  async function served(images: readonly Buffer[], vocabulary: object | string): Promise<number[][]> {
    const response = await fetch(`${service.url}/classify-composition`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        images: images.map((image) => image.toString('base64')),
        model: 'small-clip',
        vocabulary,
        pairs,
        top_k: pairs.length,
      }),
      signal: AbortSignal.timeout(60_000),
    });
    const answer = await bodyOf(response);
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer.results.map(({ predictions }: { predictions: { label: string; logit: number }[] }) =>
      pairs.map((pair) => predictions.find(({ label }) => label === pair.join(' '))?.logit ?? NaN),
    );
  }

  /** The same, as transformers' CLIPModel gives them for `a photo of …`. */
  async function expected(images: readonly Buffer[]): Promise<number[][]> {
    const files = images.map((_, index) => join(directory, `image-${index}.png`));
    for (const [index, file] of files.entries()) await writeFile(file, images[index] ?? '');
    const texts = pairs.map((pair) => `a photo of ${pair.join(' ')}`);
    const output = await runTraining('tests/clip_reference.py', 'classify', checkpoint, ...texts, '--', ...files);
    return JSON.parse(output) as number[][];
  }

  const largestDifference = (one: readonly number[][], other: readonly number[][]) =>
    Math.max(...one.flatMap((row, image) => row.map((value, pair) => Math.abs(value - (other[image]?.[pair] ?? NaN)))));

  async function tessera(...words: string[]): Promise<string> {
    const command = startProcess('node', ['packages/cli/bin/tessera.js', ...words, '--url', service.url]);
    assert.equal(await command.exitCode(), 0, command.output());
    return command.output();
  }

  it('answers with the logits of transformers where the image has the model’s size', async () => {
    const images = await Promise.all(
      [1, 2, 3].map(async (serial) =>
        sharp(await drawnPicture(serial))
          .resize(side, side, { fit: 'fill' })
          .png()
          .toBuffer(),
      ),
    );
    const difference = largestDifference(await served(images, { attributes, objects }), await expected(images));
    assert.ok(difference <= 1e-3, `off by ${difference}`);
  });

  it('answers the commands of its guide', { skip: commandSkipReason(['curl ']) }, async () => {
    await writeFile(join(directory, 'photo.jpg'), await drawnPicture());
    const environment = { PATH: await linkCommandLine(directory), TESSERA_CLIENT_URL: service.url };
    for (const documented of await commandsOf('docs/guides/serve-clip.md')) {
      const command = commandFor(service.url, documented).replace('clip-vit-large-patch14', 'small-clip');
      const { stdout } = await inShell(command, directory, environment);
      if (!command.startsWith('curl ')) assert.match(stdout, /small-clip/);
      else assert.match(JSON.parse(stdout).results[0].predictions[0].label, /^(red|black|white) (dress|shirt|shoes)$/);
    }
  });

  it('answers with nearly the same where the image is scaled and cropped', async () => {
    const photo = await drawnPicture(4);
    const images = await Promise.all([
      sharp(photo).png().toBuffer(),
      sharp(photo).resize(211, 401, { fit: 'cover' }).png().toBuffer(),
      sharp(photo).resize(90, 70, { fit: 'cover' }).png().toBuffer(),
    ]);
    const [actual, reference] = [await served(images, { attributes, objects }), await expected(images)];
    const difference = largestDifference(actual, reference);
    const spread = Math.max(...reference.flat()) - Math.min(...reference.flat());
    assert.ok(difference <= 0.02 * spread, `off by ${difference} of ${spread}`);
  });

  it('has the ids of CLIPTokenizer for texts of all scripts', async () => {
    const tokenizer = loadTokenizer(JSON.parse(await readFile(join(bundle, 'tokenizer.json'), 'utf8')));
    const texts = JSON.parse(await readFile(join(directory, 'texts.json'), 'utf8')) as {
      text: string;
      ids: number[];
    }[];
    assert.equal(texts.length, 2000);
    for (const { text, ids } of texts) assert.deepEqual(tokenizer.encode(text).ids, ids, JSON.stringify(text));
  });

  it('learns a vocabulary over HTTP, which then classifies', async () => {
    const shapes = join(directory, 'shapes');
    await writeShapes(shapes, 6);
    const words = ['--name', 'shapes', '--model', 'small-clip', '--epochs', '40', '--learning-rate', '0.02'];
    await tessera('vocabulary', 'train', shapes, ...words);
    const { history, model } = JSON.parse(await tessera('vocabulary', 'show', 'shapes', '--json')) as {
      model: string;
      history: { loss: number }[];
    };
    assert.equal(model, 'small-clip');
    const [first, last] = [history[0]?.loss ?? NaN, history.at(-1)?.loss ?? NaN];
    assert.ok(last < 0.5 * first, `the loss fell from ${first} to ${last} alone`);
    const picture = join(shapes, 'images/blue_ball/1.jpg');
    const answer = JSON.parse(await tessera('classify', picture, '--vocabulary', 'shapes', '--json'));
    const [{ predictions }] = answer.results;
    assert.deepEqual(predictions[0].sources, { attributes: ['soft'], object: 'soft' });
    assert.equal(predictions[0].label, 'blue ball');
  });

  it('classifies with soft embeddings of the reference code', async () => {
    const split = join(directory, 'compositional-split-natural');
    await mkdir(split);
    const lines = pairs.map((pair) => `${pair.join(' ')}\n`);
    await writeFile(join(split, 'train_pairs.txt'), lines.slice(0, 4).join(''));
    await writeFile(join(split, 'val_pairs.txt'), lines.slice(4).join(''));
    await writeFile(join(split, 'test_pairs.txt'), lines.slice(4).join(''));
    const [embeddings, file] = [join(directory, 'soft_embeddings.pt'), join(directory, 'soft.tessera-vocabulary')];
    // Rows that are those of other words: the vocabulary's names mean what these mean.
    const meant = ['q', 'w', 'a', 'z', 'x'];
    await runTraining('tests/clip_reference.py', 'soften', checkpoint, embeddings, ...meant);
    const inputs = ['--embeddings', embeddings, '--pairs', split, '--bundle', bundle, '--out', file];
    await runTraining('-m', 'tessera_export.soft_embeddings', ...inputs);
    await tessera('vocabulary', 'import', file);

    const image = await drawnPicture(5);
    const [plain, soft] = [await served([image], { attributes, objects }), await served([image], 'soft')];
    const meaning = new Map([...attributes, ...objects].map((word, index) => [word, meant[index]]));
    const places = pairs.map((pair) => pair.map((word) => meaning.get(word)).join(' '));
    const moved = places.map((label) => plain[0]?.[pairs.findIndex((pair) => pair.join(' ') === label)] ?? NaN);
    const difference = largestDifference(soft, [moved]);
    assert.ok(difference <= 1e-4, `off by ${difference}`);
  });
});
