import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decodeMask, type SegmentQueryResult, type SegmentResponse } from '@tessera/client';
import { encodePng } from '@tessera/masks/png';
import { problemOf, sendEvents, sendJson, sendProblem, TestService } from '@tessera/runtime/test-service';
import { CommandProcess, tessera } from '../test-command.js';

/** Of an image of four by two pixels: its two upper left ones. */
const found = {
  present: true,
  score: 0.9,
  label: 'dog',
  mask: { size: [2, 4], counts: [0, 1, 1, 1, 5] },
  bbox: [0, 0, 2, 1],
  area: 2,
  warnings: [],
} satisfies SegmentQueryResult & { mask: object };
const instance = { mask: found.mask, bbox: found.bbox, area: 2, score: 0.8, label: 'dog' };
const picture = Buffer.from('a picture');
const overlay = {
  image: `data:image/jpeg;base64,${picture.toString('base64')}`,
  width: 4,
  height: 2,
  colours: ['#ff0000'],
};

let directory: string;
let image: string;
let service: TestService;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-cli-'));
  image = join(directory, 'photo.jpg');
  await writeFile(image, 'photo');
});
after(() => rm(directory, { recursive: true }));
afterEach(() => service.close());

function answerOf(...results: SegmentQueryResult[]): SegmentResponse {
  const id = `sha256:${'0'.repeat(64)}`;
  return {
    id: 'job-1',
    model: 'tessera-mini@1',
    image: { id, width: 4, height: 2 },
    results,
    timings_ms: { total: 1 },
  };
}

/** A service that queues every segmentation and answers all alike. */
async function serviceThatFinds(answer: SegmentResponse): Promise<void> {
  service = await TestService.start(({ method }, response) => {
    const job = { id: 'job-1', status: 'queued', position: 0, created_at: '2026-01-01T00:00:00Z' };
    if (method === 'POST') sendJson(response, 202, job);
    else sendEvents(response, ['progress', { stage: 'vision', fraction: 0.5 }], ['result', answer]);
  });
}

const segment = (...words: string[]) => tessera(['segment', ...words, '--url', service.url]);
const sent = () => String(service.requests[0]?.body);

describe('`segment` of an image', () => {
  it('prints what was found, warns in words and writes the files that it is asked for', async () => {
    const warnings = [{ code: 'ignored_words' as const, words: ['old'] }];
    await serviceThatFinds({ ...answerOf({ ...found, query: 'the old dog', warnings }), overlay });
    const [mask, painted] = [join(directory, 'out/mask.png'), join(directory, 'overlay.jpg')];
    const { code, output, errors } = await segment(image, 'the old dog', '--out', mask, '--overlay', painted);
    assert.equal(code, 0, errors);
    assert.match(output, /^Asked for +Present [^]*\nthe old dog +yes +90\.0 % +dog +2 +0,0,2,1\n$/);
    assert.match(errors, /"the old dog": known words that the model cannot use \(ignored_words\): old\n/);
    assert.match(errors, /vision\n/);
    assert.deepEqual((await readFile(mask)).subarray(1, 4).toString(), 'PNG');
    assert.deepEqual(await readFile(painted), picture);
    assert.match(sent(), /name="query"\r\n\r\nthe old dog\r\n/);
    assert.match(sent(), /\{"output":\{"overlay":"jpeg"\}\}/);
  });

  it('numbers the masks of several queries, and prints JSON alone', async () => {
    const answer = answerOf({ ...found, query: 'a' }, { ...found, query: 'b', present: false });
    await serviceThatFinds(answer);
    const { code, output } = await segment(image, 'a', 'b', '--json', '-o', join(directory, 'both.png'));
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(output), answer);
    for (const name of ['both-1.png', 'both-2.png']) assert.ok((await readFile(join(directory, name))).length > 50);
    assert.match(sent(), /name="queries"\r\n\r\n\["a","b"\]\r\n/);
  });

  it('sends boxes, points and options', async () => {
    await serviceThatFinds(answerOf({ ...found, prompt: 0 }));
    const prompt = ['--box', '1,2,3,4', '--point', '2,3', '--not-point', '0,0'];
    const options = ['--pruning', 'csp', '--reduction', '0.5', '--threshold', '0.3', '--model', 'm'];
    const { code, errors } = await segment(image, ...prompt, ...options);
    assert.equal(code, 0, errors);
    const points = '[{"x":2,"y":3,"label":1},{"x":0,"y":0,"label":0}]';
    assert.ok(sent().includes(`[{"box":[1,2,3,4],"points":${points}}]`), sent());
    assert.ok(sent().includes('{"model":"m","pruning":{"mode":"csp","reduction":0.5},"threshold":0.3}'), sent());
  });

  it('reads the standard input and writes the mask alone on the standard output', async () => {
    await serviceThatFinds(answerOf({ ...found, query: 'the dog' }));
    const command = new CommandProcess(['segment', '-', 'the dog', '--out', '-', '--url', service.url]);
    command.send(Buffer.from('the photo'));
    const { code, errors } = await command.outcome();
    assert.equal(code, 0, errors);
    assert.match(sent(), /\r\n\r\nthe photo\r\n/);
    assert.match(errors, /^the dog +yes/m);
    assert.deepEqual(command.output, encodePng(decodeMask(found.mask)));
  });

  it('ends with 2 when the standard input has nothing', async () => {
    await serviceThatFinds(answerOf());
    const words = ['segment', '-', 'the dog', '--url', service.url];
    const empty = new CommandProcess(words);
    empty.send(Buffer.alloc(0));
    assert.deepEqual(await empty.outcome(), { code: 2, output: '', errors: 'Nothing came on the standard input.\n' });
  });

  it('that is not there ends with 2, whatever is to be written', async () => {
    await serviceThatFinds(answerOf());
    for (const options of [[], ['--coco', 'x.json']]) {
      const { code, errors } = await segment(join(directory, 'nowhere'), 'the dog', ...options);
      assert.equal(code, 2);
      assert.match(errors, /^There is no file or directory ".*nowhere"\.\n$/);
    }
  });

  it('of which a service makes no overlay says so', async () => {
    await serviceThatFinds(answerOf({ ...found, query: 'a' }));
    const { code, errors } = await segment(image, 'a', '--overlay', join(directory, 'none.png'));
    assert.equal(code, 1);
    assert.match(errors, /The service gives no overlays/);
  });

  const wrong: [words: string[], errors: RegExp][] = [
    [[], /^What to find is missing/],
    [['a', 'b', '--box', '1,2,3,4'], /^--box and --point go with one query/],
    [['--box', '1,2,3'], /^--box is x,y,width,height in pixels, not "1,2,3"/],
    [['--point', '1,'], /^--point is x,y in pixels/],
    [['--box', '1,2,3,4', '--box', '1,2,3,4', '--point', '1,1'], /^--point goes with one --box/],
    [['a', '--reduction', '2'], /^--reduction is a number from 0 to 0.9, not "2"/],
    [['a', '--out', 'mask.jpg'], /^--out is a .png file, or - for the standard output, not "mask.jpg"/],
    [['a', '--out', 'm.txt'], /^--out is a .png file, or - for the standard output, not "m.txt"/],
    [['a', '--overlay', 'x.gif'], /^--overlay is a .jpg or .png file/],
    [['a', '--coco', 'x.json'], /^--coco is for a directory/],
    [['a', '--parallel', '0'], /^--parallel is a whole number from 1 to 64, not "0"/],
    [['a', 'b', '--out', '-'], /^--out - is for one mask/],
    [['--box', '1,2,3,4', '--box', '1,2,3,4', '--out', '-'], /^--out - is for one mask/],
    [['a', '--json', '--out', '-'], /^--out - and --json both write/],
    [['a', '--out', 'x.png', '--overlay', './x.png'], /^--out and --overlay both write x\.png: name two files\.\n/],
    [['a', 'b', '--out', 'x.png', '--overlay', 'x-2.png'], /^--out and --overlay both write x-2\.png/],
    [
      [fileURLToPath(import.meta.url), 'a'],
      /^".*" is a file, not what to find\. If .* put "the" before it\. To ask about several photos, name their/,
    ],
  ];
  for (const [words, expected] of wrong) {
    it(`that is called wrongly ends with 2: ${words.join(' ')}`, async () => {
      await serviceThatFinds(answerOf());
      const { code, errors } = await segment(image, ...words);
      assert.match(errors, expected);
      assert.deepEqual([code, service.requests.length], [2, 0]);
    });
  }
});

describe('`segment` keeps what it reads', () => {
  let photos: string;
  let cup: string;

  before(async () => {
    photos = join(directory, 'kept');
    cup = join(photos, 'cup.png');
    await mkdir(photos);
    await writeFile(cup, 'the only copy');
    await symlink(photos, join(directory, 'alias'));
    await symlink('cup.png', join(directory, 'kept/link.jpg'));
  });

  const overwriting: [of: string, options: string[], errors: RegExp][] = [
    [
      'kept/cup.png',
      ['--out', 'kept/cup.png'],
      /^--out would overwrite .*cup\.png, which is read: name another file\./,
    ],
    ['kept/cup.png', ['--overlay', 'alias/cup.png'], /^--overlay would overwrite/],
    ['kept/cup.png', ['--overlay', 'kept/link.jpg'], /^--overlay would overwrite/],
    ['alias/cup.png', ['--out', 'kept/../kept/cup.png'], /^--out would overwrite/],
    ['kept', ['--out', 'kept'], /^--out .*kept is among the photos that are read: name a place outside/],
    ['kept', ['--out', 'masks', '--overlay', 'alias/new/overlays'], /^--overlay .* is among the photos/],
    ['alias', ['--coco', 'kept/cup.png'], /^--coco would overwrite/],
    ['kept', ['--coco', 'kept/new.jpg'], /^--coco .* is among the photos/],
  ];
  for (const [of, options, expected] of overwriting) {
    it(`and sends nothing: ${[of, ...options].join(' ')}`, async () => {
      await serviceThatFinds(answerOf({ ...found, query: 'cup' }));
      const words = options.map((word) => (word.startsWith('--') ? word : `${directory}/${word}`));
      const { code, errors } = await segment(join(directory, of), 'cup', ...words);
      assert.match(errors, expected);
      assert.deepEqual([code, service.requests.length], [2, 0]);
      assert.equal(await readFile(cup, 'utf8'), 'the only copy');
    });
  }

  it('also where queries number the masks', async () => {
    await serviceThatFinds(answerOf());
    const second = join(photos, 'mask-2.png');
    await writeFile(second, 'the second');
    const { code, errors } = await segment(second, 'a', 'b', '--out', join(photos, 'mask.png'));
    assert.match(errors, /^--out would overwrite .*mask-2\.png/);
    assert.equal(code, 2);
  });
});

describe('`segment` of a directory', () => {
  let photos: string;

  before(async () => {
    photos = join(directory, 'photos');
    await mkdir(join(photos, 'more'), { recursive: true });
    for (const name of ['b.jpg', 'a.PNG', 'broken.jpg', 'more/c.webp', 'notes.txt'])
      await writeFile(join(photos, name), name);
  });

  /** A service that cannot read one of the images. */
  async function startService(): Promise<void> {
    service = await TestService.start(({ method, body }, response) => {
      if (method === 'GET') sendJson(response, 200, { models: [] });
      else if (body.includes('broken')) sendProblem(response, problemOf('TSR_IMAGE_CORRUPT', 422, 'It is damaged.'));
      else {
        const dogs = { ...found, query: 'the dog', instances: [instance, instance] };
        const cats = { ...found, query: 'the cat', present: false, instances: [] };
        sendJson(response, 200, { ...answerOf(dogs, cats), overlay });
      }
    });
  }

  it('writes COCO annotations of every image that can be read, and ends with 1 for the other', async () => {
    await startService();
    const [coco, masks, overlays] = ['x/coco.json', 'masks', 'overlays'].map((name) => join(directory, name));
    const files = ['--coco', coco ?? '', '--out', masks ?? '', '--overlay', overlays ?? ''];
    const { code, output, errors } = await segment(photos, 'the dog', 'the cat', ...files);
    assert.deepEqual([code, output], [1, '']);
    assert.match(errors, /broken\.jpg: TSR_IMAGE_CORRUPT: It is damaged\.\n/);
    assert.match(errors, /4 of 4 images\n6 annotations of 3 images are in .*\n1 of 4 images failed\.\n$/);
    const document = JSON.parse(await readFile(coco ?? '', 'utf8'));
    assert.deepEqual(document.images, [
      { id: 1, file_name: 'a.PNG', width: 4, height: 2 },
      { id: 2, file_name: 'b.jpg', width: 4, height: 2 },
      { id: 3, file_name: 'more/c.webp', width: 4, height: 2 },
    ]);
    assert.deepEqual(
      document.categories.map(({ name }: { name: string }) => name),
      ['the dog', 'the cat'],
    );
    const { id, image_id, category_id, segmentation, iscrowd, area, score } = document.annotations[5];
    assert.deepEqual([id, image_id, category_id, iscrowd, area, score], [6, 3, 1, 0, 2, 0.8]);
    assert.deepEqual(segmentation, found.mask);
    assert.ok((await readFile(join(masks ?? '', 'more/c.webp-2.png'))).length > 50);
    assert.deepEqual(await readFile(join(overlays ?? '', 'b.jpg.jpg')), picture);
  });

  it('writes the annotations on the standard output, and all else on the other', async () => {
    await startService();
    const { code, output, errors } = await segment(photos, 'the dog', '--coco', '-');
    assert.equal(code, 1);
    assert.equal(JSON.parse(output).images.length, 3);
    assert.match(errors, /\d annotations of 3 images are on the standard output\n/);
  });

  it('prints a line of JSON per image', async () => {
    await startService();
    const { output } = await segment(photos, 'the dog', '--json', '--parallel', '1');
    const names = output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).file_name);
    assert.deepEqual(names, ['a.PNG', 'b.jpg', 'more/c.webp']);
  });

  it('goes on past a file that cannot be read, and around a loop of links', async () => {
    await startService();
    const root = join(directory, 'links');
    await mkdir(root);
    await writeFile(join(root, 'a.jpg'), 'a');
    await symlink('.', join(root, 'self'));
    await symlink('nowhere', join(root, 'lost.jpg'));
    const { code, output, errors } = await segment(root, 'the dog', '--json');
    assert.deepEqual([code, output.trimEnd().split('\n').length], [1, 1]);
    assert.match(errors, /lost\.jpg: .*lost\.jpg cannot be read\.\n[^]*1 of 2 images failed\.\n$/);
  });

  it('needs something to write, and images', async () => {
    await startService();
    assert.match((await segment(photos, 'the dog')).errors, /^For a directory, say what to write/);
    assert.match((await segment(photos, 'the dog', '--out', '-')).errors, /^--out - is for one image/);
    assert.match((await segment(photos, 'the dog', '--coco', '-', '--json')).errors, /^--coco - and --json both write/);
    const folder = await segment(photos, 'the dog', '--coco', directory);
    assert.deepEqual([folder.code, folder.errors], [2, `--coco is a file, but ${directory} is a directory.\n`]);
    const none = await segment(join(directory, 'x'), 'the dog', '--json');
    assert.deepEqual([none.code, none.errors], [2, `There are no images in ${join(directory, 'x')}.\n`]);
  });

  it('keeps the annotations so far when the service goes away', async () => {
    let left = 2;
    service = await TestService.start(({ method }, response) => {
      if (method === 'GET') sendJson(response, 200, { models: [] });
      else if (left-- > 0) sendJson(response, 200, answerOf({ ...found, query: 'the dog', instances: [instance] }));
      else response.destroy();
    });
    const coco = join(directory, 'some.json');
    const { code, errors } = await segment(photos, 'the dog', '--coco', coco, '--parallel', '1');
    assert.equal(code, 1);
    assert.match(errors, /\n2 annotations of 2 images are in .*some\.json\nhttp\S+ cannot be reached/);
    assert.equal(JSON.parse(await readFile(coco, 'utf8')).annotations.length, 2);
  });

  it('is given up when the service is away', async () => {
    await startService();
    const { url } = service;
    await service.close();
    const { code, errors } = await tessera(['segment', photos, 'the dog', '--json', '--url', url]);
    assert.equal(code, 1);
    assert.match(errors, /^http\S+ cannot be reached/);
  });
});
