import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { drawnShape, writeShapes } from '../support/compositions.js';
import { linkModels } from '../support/models.js';
import { startProcess } from '../support/process.js';
import { bodyOf } from '../support/requests.js';
import { startEmbedded, type HttpService } from '../support/services.js';

let directory: string;
let service: HttpService;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-composition-'));
  await writeShapes(join(directory, 'shapes'), 12);
  service = await startEmbedded({
    DATA_DIR: join(directory, 'data'),
    MODELS_DIR: linkModels('tessera-dual', 'tessera-baseline'),
  });
});

after(async () => {
  await service.process.stop('SIGKILL');
  await rm(directory, { recursive: true, force: true });
});

/** Runs the command line against the service; its exit code and all that it printed. */
async function tessera(...words: string[]): Promise<{ code: number | null; output: string }> {
  const command = startProcess('node', ['packages/cli/bin/tessera.js', ...words, '--url', service.url]);
  const code = await command.exitCode();
  return { code, output: command.output() };
}

async function classify(body: object) {
  const response = await fetch(`${service.url}/classify-composition`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(60_000),
  });
  return { status: response.status, answer: await bodyOf(response) };
}

test('an image is classified without any training', async () => {
  const image = (await drawnShape('red', 'ball', 0)).toString('base64');
  const vocabulary = { attributes: ['red', 'blue'], objects: ['ball', 'box'] };
  const { status, answer } = await classify({ image, vocabulary, top_k: 4, marginals: true });
  assert.equal(status, 200);
  assert.equal(answer.candidates.count, 4);
  const [{ predictions, attributes }] = answer.results;
  const total = predictions.reduce((sum: number, { score }: { score: number }) => sum + score, 0);
  assert.ok(Math.abs(total - 1) < 1e-3, `the scores sum to ${total}`);
  assert.equal(attributes[0].label, 'red');
});

test('the command line trains, lists, evaluates, moves and uses a vocabulary', async () => {
  const shapes = join(directory, 'shapes');
  const trained = await tessera('vocabulary', 'train', shapes, '--name', 'shapes', '--epochs', '3');
  assert.equal(trained.code, 0, trained.output);
  assert.match(trained.output, /epoch 3\/3 {2}loss [\d.]+ {2}validation AUC [\d.]+/);
  assert.match(trained.output, /shapes: 3 attributes, 2 objects, 5 seen pairs/);

  assert.match((await tessera('vocabulary', 'list')).output, /shapes +trained +tessera-dual +csp +3 +2 +5/);
  const again = await tessera('vocabulary', 'train', shapes, '--name', 'shapes');
  assert.equal(again.code, 2);
  assert.match(again.output, /--replace/);

  const svg = join(directory, 'curve.svg');
  const evaluated = await tessera('vocabulary', 'evaluate', shapes, '--name', 'shapes', '--svg', svg);
  assert.equal(evaluated.code, 0, evaluated.output);
  const measures = /^shapes.*$/m;
  // The service classifies with the soft prompts that the training measured.
  assert.equal(
    measures.exec(evaluated.output)?.[0].replace(' (closed)', '').replaceAll(/ +/g, ' '),
    measures.exec(trained.output.split('----').at(-1) ?? '')?.[0].replaceAll(/ +/g, ' '),
  );
  assert.match(await readFile(svg, 'utf8'), /^<svg /);

  const file = join(directory, 'copy.tessera-vocabulary');
  assert.equal((await tessera('vocabulary', 'export', 'shapes', '--output', file)).code, 0);
  assert.equal((await tessera('vocabulary', 'import', file)).code, 0);
  const picture = join(shapes, 'images/blue_ball/0.jpg');
  const used = await tessera('classify', picture, '--vocabulary', 'copy', '--json');
  assert.equal(used.code, 0, used.output);
  const [{ predictions }] = JSON.parse(used.output).results;
  assert.equal(predictions.length, 5);
  assert.deepEqual(predictions[0].sources, { attributes: ['soft'], object: 'soft' });

  assert.equal((await tessera('vocabulary', 'delete', 'copy')).code, 0);
  const gone = await tessera('classify', picture, '--vocabulary', 'copy');
  assert.equal(gone.code, 1);
  assert.match(gone.output, /TSR_VOCABULARY_NOT_FOUND/);
});

test('Ctrl-C cancels a training, which leaves nothing behind', async () => {
  const training = startProcess('node', [
    'packages/cli/bin/tessera.js',
    ...['vocabulary', 'train', join(directory, 'shapes'), '--name', 'stopped', '--epochs', '500', '--url', service.url],
  ]);
  await training.waitForOutput(/epoch 10\/500/, 120_000);
  assert.equal(await training.stop('SIGINT'), 130);
  assert.match(training.output(), /was cancelled/);
  const again = await tessera('vocabulary', 'show', 'stopped');
  assert.equal(again.code, 1);
  const { output } = await tessera('vocabulary', 'list');
  assert.doesNotMatch(output, /stopped +trained/);
});

test('wrong calls say what to change', async () => {
  const calls: [words: string[], said: RegExp][] = [
    [['paint'], /no command "paint/],
    [['vocabulary', 'train'], /Usage: tessera vocabulary train/],
    [['vocabulary', 'train', '/nowhere', '--name', 'x'], /metadata\.json/],
    [['vocabulary', 'train', join(directory, 'shapes')], /--name/],
    [['vocabulary', 'list', '--colour'], /--colour/],
    [['classify', 'no-such.jpg', '--vocabulary', 'shapes'], /cannot be read/],
  ];
  for (const [words, said] of calls) {
    const { code, output } = await tessera(...words);
    assert.equal(code, 2, output);
    assert.match(output, said);
  }
});

test('candidates that cannot be are refused', async () => {
  const image = (await drawnShape('red', 'ball', 1)).toString('base64');
  const inline = { attributes: ['red'], objects: ['ball'] };
  const many = (prefix: string) => Array.from({ length: 600 }, (_, index) => `${prefix}${index}`);
  const bodies: [status: number, body: object][] = [
    [404, { image, vocabulary: 'nothing' }],
    [404, { image, vocabulary: inline, model: 'tessera-baseline' }],
    [400, { image, vocabulary: { attributes: many('a'), objects: many('o') } }],
    [400, { image, vocabulary: inline, pairs: [['green', 'ball']] }],
    [400, { image, vocabulary: inline, pairs: [['ball']] }],
    [400, { image, images: [image], vocabulary: inline }],
    [400, { image, vocabulary: 'shapes', pairs: [['purple', 'ball']], unknown_primitives: 'error' }],
  ];
  for (const [status, body] of bodies)
    assert.equal((await classify(body)).status, status, JSON.stringify(body).slice(-120));
});
