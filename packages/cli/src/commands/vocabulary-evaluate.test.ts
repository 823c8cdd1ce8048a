import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ClassifyCompositionRequest, VocabularyDescription } from '@tessera/contracts';
import { tessera } from '../test-command.js';
import { sendJson, TestService } from '@tessera/runtime/test-service';

const vocabulary: VocabularyDescription = {
  name: 'shapes',
  model: 'tessera-dual',
  method: 'csp',
  attributes: ['blue', 'red'],
  objects: ['ball', 'box'],
  seen_pairs: [
    ['red', 'ball'],
    ['blue', 'box'],
  ],
  logit_scale: 100,
  base: { name: 'tessera-dual@1', sha256: '0'.repeat(64) },
};

/** Photos whose bytes say what they show, and how clearly. */
const photos = [
  ...Array.from({ length: 8 }, (_, index) => [`seen-${index}.png`, 'red ball', 1, 'val'] as const),
  ['clear.png', 'blue ball', 1, 'val'],
  ['unclear.png', 'blue ball', 0.5, 'val'],
  ['other.png', 'red box', 1, 'test'],
] as const;
/** What a seen pair has over an unseen one when the photo shows neither. */
const seenLead = 2;

let directory: string;
let service: TestService;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-client-'));
  await mkdir(join(directory, 'images'));
  for (const [name, pair, clarity] of photos) await writeFile(join(directory, 'images', name), `${pair} ${clarity}`);
  const rows = photos.map(([image, pair, , set]) => ({
    image,
    attr: pair.split(' ')[0],
    obj: pair.split(' ')[1],
    set,
  }));
  await writeFile(join(directory, 'metadata.json'), JSON.stringify(rows));
  service = await TestService.start(({ method, body }, response) => {
    if (method === 'GET') sendJson(response, 200, vocabulary);
    else sendJson(response, 200, answerTo(JSON.parse(String(body)) as ClassifyCompositionRequest));
  });
});

after(async () => {
  await service.close();
  await rm(directory, { recursive: true });
});

/** As the service answers: best first, without what is infeasible. */
function answerTo({ images = [], pairs, feasibility_threshold: threshold }: ClassifyCompositionRequest) {
  const open = ['blue ball', 'blue box', 'red ball', ...(threshold === undefined ? ['red box'] : [])];
  const candidates = pairs?.map((pair) => pair.join(' ')) ?? open;
  const results = (images as readonly string[]).map((image, index) => {
    const [shownAttribute, shownObject, clarity] = Buffer.from(image, 'base64').toString().split(' ');
    const predictions = candidates.map((label) => {
      const [attribute = '', object = ''] = label.split(' ');
      const seen = vocabulary.seen_pairs.some((pair) => pair.join(' ') === label);
      const isShown = attribute === shownAttribute && object === shownObject;
      const logit = (isShown ? Number(clarity) : 0) + (seen ? seenLead : 0);
      return { label, attributes: [attribute], object, score: 0, logit, seen };
    });
    return { index, predictions: predictions.sort((left, right) => right.logit - left.logit) };
  });
  return { results };
}

const evaluate = (...options: string[]) =>
  tessera(['vocabulary', 'evaluate', directory, '--name', 'shapes', '--url', service.url, ...options]);

describe('`vocabulary evaluate`', () => {
  it('measures what the service makes of the images of a set', async () => {
    const { code, output, errors } = await evaluate('--json');
    assert.equal(code, 0, errors);
    const { metrics, seenImages, unseenImages } = JSON.parse(output);
    assert.deepEqual([seenImages, unseenImages], [8, 2]);
    // A bias of 1 turns the clear image right; just below 1.5 the unclear one is still wrong, and all seen ones are right.
    assert.deepEqual([metrics.best_seen, metrics.best_unseen, metrics.auc], [1, 1, 0.75]);
    assert.ok(Math.abs(metrics.best_hm - 2 / 3) < 1e-9);
    assert.ok(Math.abs(metrics.bias - 1.5) < 1e-3, `the bias is ${metrics.bias}`);
  });

  it('asks for all candidates of the closed world, a few images at once', async () => {
    const before = service.requests.length;
    await evaluate();
    const [first, second, ...others] = service.requests.slice(before + 1).map(({ body }) => JSON.parse(String(body)));
    assert.deepEqual([first.images.length, second.images.length, others.length], [8, 2, 0]);
    assert.deepEqual([...first.pairs].sort(), [
      ['blue', 'ball'],
      ['blue', 'box'],
      ['red', 'ball'],
    ]);
    assert.deepEqual([first.top_k, first.vocabulary], [3, 'shapes']);
  });

  it('asks for all pairs in the open world, and says how feasible they have to be', async () => {
    const before = service.requests.length;
    const { code, output } = await evaluate('--world', 'open', '--json', '--feasibility-threshold', '0.5');
    assert.equal(code, 0);
    assert.equal(JSON.parse(output).metrics.auc, 0.75);
    const { images, ...request } = JSON.parse(String(service.requests[before + 1]?.body));
    assert.equal(images.length, 8);
    assert.deepEqual(request, { vocabulary: 'shapes', top_k: 4, world: 'open', feasibility_threshold: 0.5 });
  });

  it('says so when there is nothing to measure', async () => {
    const oneKind = await evaluate('--set', 'test');
    assert.equal(oneKind.code, 2);
    assert.match(oneKind.errors, /compares images of seen and unseen pairs; there are 0 and 1\.\n$/);
    const none = await evaluate('--set', 'train');
    assert.deepEqual(none, { code: 2, output: '', errors: 'No row of metadata.json is of the set "train".\n' });
  });

  it('prints a table and draws the curve', async () => {
    const svg = join(directory, 'curve.svg');
    const { output, errors } = await evaluate('--svg', svg);
    assert.match(
      output,
      /^Vocabulary +S +U +HM +AUC +bias of HM\n-+ [^]*\nshapes \(closed\) +100\.0 +100\.0 +66\.7 +75\.0 +1\.50\n$/,
    );
    assert.ok(errors.endsWith(`The curve is in ${svg}\n`), errors);
    assert.match(await readFile(svg, 'utf8'), /^<svg[^]*shapes on 10 images, closed world/);
  });
});
