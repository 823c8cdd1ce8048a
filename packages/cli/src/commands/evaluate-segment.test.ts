import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { createMask, encodeRle } from '@tessera/masks';
import { encodePng } from '@tessera/masks/png';
import { problemOf, sendJson, sendProblem, TestService } from '@tessera/runtime/test-service';
import { tessera } from '../test-command.js';

const [width, height] = [10, 8];

let directory: string;
let service: TestService;

/** Columns `from` up to `to` of the image. */
function columns(from: number, to: number) {
  const data = Uint8Array.from({ length: height * width }, (_, pixel) =>
    Number(pixel % width >= from && pixel % width < to),
  );
  return createMask(height, width, data);
}

/** Whatever is asked, the service finds the left half; of `nothing` it finds nothing. It refuses a file that says so. */
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-evaluate-'));
  service = await TestService.start(({ method, body }, response) => {
    if (method === 'GET') {
      sendJson(response, 200, { models: [] });
      return;
    }
    const text = body.toString('utf8');
    if (text.includes('a broken photo')) {
      sendProblem(response, problemOf('TSR_IMAGE_CORRUPT', 400, 'The jpeg image is damaged.'));
      return;
    }
    const queries = JSON.parse(/name="queries"\r\n\r\n(.*)\r\n/.exec(text)?.[1] ?? '[]') as string[];
    const results = queries.map((query) => {
      const present = query !== 'nothing';
      return {
        query,
        present,
        score: 1,
        mask: encodeRle(columns(0, present ? 5 : 0)),
        bbox: [],
        area: 0,
        warnings: [],
      };
    });
    sendJson(response, 200, { id: 'job-1', model: 'model@1', image: { width, height }, results, timings_ms: {} });
  });
});

after(async () => {
  await service.close();
  await rm(directory, { recursive: true });
});

let root: string;
let serial = 0;
beforeEach(() => {
  root = join(directory, `set-${serial++}`);
});

async function file(path: string, content: string | Uint8Array | object): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  const isRaw = typeof content === 'string' || content instanceof Uint8Array;
  await writeFile(join(root, path), isRaw ? content : JSON.stringify(content));
}

async function evaluate(dataset: string, ...words: string[]) {
  const before = service.requests.length;
  const call = ['evaluate', 'segment', '--dataset', dataset, '--root', root, '--url', service.url, ...words];
  const outcome = await tessera(call);
  const asked = service.requests.slice(before).filter(({ method }) => method === 'POST');
  return { ...outcome, asked: asked.map(({ body }) => body.toString('utf8')) };
}

interface Result {
  readonly model: string;
  readonly images: number;
  readonly figures: readonly { group?: string; queries: number; giou: number; ciou: number }[];
}

async function measured(dataset: string, ...words: string[]): Promise<Result> {
  const { code, output, errors } = await evaluate(dataset, '--json', ...words);
  assert.equal(code, 0, errors);
  return JSON.parse(output) as Result;
}

const near = (actual: number | undefined, expected: number) => {
  assert.ok(Math.abs((actual ?? NaN) - expected) < 1e-4, `${actual} instead of ${expected}`);
};
/** Corners of columns `from` to `to`, both included, as ReasonSeg's polygons reach them. */
const box = (from: number, to: number, top = 0, bottom = height - 1) => [
  [from, top],
  [to, top],
  [to, bottom],
  [from, bottom],
];
/** A COCO polygon around columns `from` up to `to`. */
const outline = (from: number, to: number) => [[from, 0, to, 0, to, height, from, height]];

describe('`evaluate segment` on ReasonSeg', () => {
  beforeEach(async () => {
    await file('test/a.jpg', 'a photo');
    await file('test/a.json', {
      text: ['Where does it sleep?', 'another text'],
      is_sentence: true,
      // Columns 0 to 2; of column 3 nothing is judged, and the smaller shape is painted last.
      shapes: [
        { label: 'ignore', points: box(3, 3) },
        { label: 'target', points: box(0, 3) },
        { label: 'flag', points: box(0, 9) },
      ],
    });
    await file('test/b.jpg', 'a photo');
    const annotation = {
      text: ['the caf\u00e9'],
      is_sentence: false,
      shapes: [{ label: 'target', points: box(5, 9) }],
    };
    await file('test/b.json', Buffer.from(JSON.stringify(annotation), 'latin1'));
  });

  it('asks the first text of every image and compares with LISA’s rules', async () => {
    const { model, images, figures } = await measured('reasonseg');
    assert.deepEqual([model, images], ['model@1', 2]);
    const [all, phrases, sentences] = figures;
    assert.deepEqual([all?.queries, phrases?.group, sentences?.group], [2, 'phrases', 'sentences']);
    near(sentences?.giou, 24 / 32);
    near(phrases?.giou, 0);
    near(all?.giou, 24 / 32 / 2);
    near(all?.ciou, 24 / (32 + 80));
    const { asked } = await evaluate('reasonseg');
    for (const text of ['["Where does it sleep?"]', '["the café"]']) assert.ok(asked.join().includes(text), text);
  });

  it('prints a table, measures a part of it and hands options on', async () => {
    const { output, errors, asked } = await evaluate('reasonseg', '--limit', '1', '--pruning', 'off', '--model', 'm');
    assert.match(
      output,
      /^Queries +Number +gIoU +cIoU\n[- ]+\nall, by model@1 +1 +75\.0 +75\.0\nsentences +1 +75\.0 +75\.0\n$/,
    );
    assert.match(errors, /1 of 1 images/);
    assert.match(asked.join(), /\{"model":"m","pruning":\{"mode":"off"\}\}/);
  });

  it('reports images that fail, leaves them out and ends with 1', async () => {
    await file('test/b.jpg', 'a broken photo');
    await file('test/c.json', { text: ['x'], is_sentence: false, shapes: [] });
    const { code, output, errors } = await evaluate('reasonseg', '--json');
    assert.equal(code, 1);
    assert.match(errors, /b\.jpg: TSR_IMAGE_CORRUPT/);
    assert.match(errors, /c\.jpg: .*c\.jpg cannot be read/);
    assert.match(errors, /2 of 3 images failed; the figures are of the others\.\n$/);
    const { images, failed, figures } = JSON.parse(output);
    assert.deepEqual([images, failed, figures[0].queries], [1, 2, 1]);
  });

  it('says what is missing', async () => {
    const other = await evaluate('reasonseg', '--split', 'val');
    assert.equal(other.code, 2);
    assert.match(other.errors, /There is no .*val; --root is the directory that has the splits of ReasonSeg/);
    await file('test/a.json', { text: [] });
    assert.match((await evaluate('reasonseg')).errors, /a\.json is not as expected/);
  });
});

describe('`evaluate segment` on RefCOCO', () => {
  beforeEach(async () => {
    await file('refcoco/instances.json', {
      images: [{ id: 7, file_name: 'COCO_7.jpg' }],
      annotations: [
        { id: 70, image_id: 7, category_id: 1, segmentation: outline(0, 4) },
        { id: 71, image_id: 7, category_id: 1, segmentation: outline(5, 10) },
      ],
    });
    await file('images/mscoco/images/train2014/COCO_7.jpg', 'a photo');
    root = join(root, 'refcoco');
  });

  it('asks every sentence of the split about its object', async () => {
    const reference = (id: number, split: string, ...sentences: string[]) => {
      return { ann_id: id, image_id: 7, split, sentences: sentences.map((sent) => ({ sent, tokens: [] })) };
    };
    await file('refs(unc).json', [
      reference(70, 'val', 'left one ', 'the first'),
      reference(71, 'val', 'right one'),
      reference(71, 'testA', 'other'),
    ]);
    const { images, figures } = await measured('refcoco');
    assert.deepEqual([images, figures.length, figures[0]?.queries], [1, 1, 3]);
    near(figures[0]?.giou, (32 / 40 + 32 / 40 + 0) / 3);
    near(figures[0]?.ciou, 64 / (40 + 40 + 80));
    const { asked } = await evaluate('refcoco');
    assert.match(asked.join(), /\["left one","the first","right one"\]/);
    const none = await evaluate('refcoco', '--split', 'testC');
    assert.match(none.errors, /No reference is of the split "testC"; there are testA, val\./);
  });

  it('takes the usual one of several files of references, or the one that is named', async () => {
    const references = (sent: string) => [{ ann_id: 70, image_id: 7, split: 'val', sentences: [{ sent }] }];
    const askedOf = async (...words: string[]) => (await evaluate('refcoco', ...words)).asked.join();
    await file('refs(google).json', references('of google'));
    assert.match(await askedOf(), /"of google"/);
    await file('refs(umd).json', references('of umd'));
    assert.match(await askedOf(), /"of umd"/);
    await file('refs(unc).json', references('of unc'));
    assert.match(await askedOf(), /"of unc"/);
    assert.match(await askedOf('--refs', 'google'), /"of google"/);
    const { code, errors } = await evaluate('refcoco', '--refs', 'berkeley');
    assert.equal(code, 2);
    assert.match(errors, /has the references google, umd, unc; name one of them with --refs\./);
  });

  it('reads the pickle as it was downloaded, and no code from it', async () => {
    const pickle = await readFile(new URL('../../test-vectors/refs-python2-protocol0.p', import.meta.url));
    await writeFile(join(root, 'refs(unc).p'), pickle);
    const { asked } = await evaluate('refcoco');
    assert.match(asked.join(), /\["left one","the dog's \\"naïve\\" 🐕"\]/);
    await writeFile(join(root, 'refs(unc).p'), 'cos\nsystem\n.');
    const { code, errors } = await evaluate('refcoco');
    assert.equal(code, 2);
    assert.match(errors, /refs\(unc\)\.p cannot be read as a pickle: it holds more than plain values/);
  });
});

describe('`evaluate segment` on COCO', () => {
  it('asks for each category of an image, and does not judge crowds', async () => {
    const rle = encodeRle(columns(0, 2));
    await file('annotations/instances_val2017.json', {
      images: [
        { id: 2, file_name: '2.jpg' },
        { id: 1, file_name: '1.jpg' },
      ],
      annotations: [
        { id: 10, image_id: 1, category_id: 18, iscrowd: 0, segmentation: outline(2, 4) },
        { id: 11, image_id: 1, category_id: 18, iscrowd: 0, segmentation: rle },
        { id: 12, image_id: 1, category_id: 18, iscrowd: 1, segmentation: encodeRle(columns(4, 6)) },
        { id: 13, image_id: 1, category_id: 1, iscrowd: 0, segmentation: outline(0, 5) },
        { id: 14, image_id: 2, category_id: 1, iscrowd: 1, segmentation: rle },
      ],
      categories: [
        { id: 1, name: 'person' },
        { id: 18, name: 'dog' },
      ],
    });
    await file('val2017/1.jpg', 'a photo');
    const { images, figures } = await measured('coco');
    assert.deepEqual([images, figures[0]?.queries], [1, 2]);
    near(figures[0]?.giou, 1);
    near(figures[0]?.ciou, 1);
    assert.match((await evaluate('coco')).asked.join(), /\["dog","person"\]/);
  });

  it('ends with a word about annotations of another size than the photo', async () => {
    const small = encodeRle(createMask(2, 2));
    await file('annotations/instances_val2017.json', {
      images: [{ id: 1, file_name: '1.jpg' }],
      annotations: [{ id: 1, image_id: 1, category_id: 1, segmentation: small }],
      categories: [{ id: 1, name: 'person' }],
    });
    await file('val2017/1.jpg', 'a photo');
    const { code, errors } = await evaluate('coco');
    assert.equal(code, 2);
    assert.match(errors, /1\.jpg, "person": The annotation is of 2 × 2 pixels/);
  });
});

describe('`evaluate segment` on a folder', () => {
  beforeEach(async () => {
    await file('images/cat.jpg', 'a photo');
    await file('masks/cat.png', encodePng(columns(0, 4)));
  });

  const isMeasured = async () => {
    const [all] = (await measured('folder')).figures;
    assert.equal(all?.queries, 3);
    near(all.giou, (32 / 40 + 1 + 0) / 3);
    near(all.ciou, 32 / (40 + 40));
  };

  it('reads queries.json; a query without a mask has no target', async () => {
    await file('queries.json', [
      { image: 'cat.jpg', query: 'the cat', mask: 'cat.png' },
      { image: 'cat.jpg', query: 'nothing' },
      { image: 'cat.jpg', query: 'a dog', mask: '' },
    ]);
    await isMeasured();
  });

  it('reads queries.csv', async () => {
    await file(
      'queries.csv',
      '\ufeffimage,query,mask\r\ncat.jpg,the cat,cat.png\r\ncat.jpg,nothing,\ncat.jpg,"a dog, ""big""",\n',
    );
    await isMeasured();
    assert.match((await evaluate('folder')).asked.join(), /"a dog, \\"big\\""/);
  });

  it('says what is wrong with its files', async () => {
    assert.match((await evaluate('folder')).errors, /has neither queries\.json nor queries\.csv/);
    await file('queries.csv', 'photo,query\ncat.jpg,the cat\n');
    assert.match((await evaluate('folder')).errors, /no rows with the columns image, query and mask/);
    await file('queries.json', [{ image: 'cat.jpg', query: 'the cat', mask: 'cat.png' }]);
    await file('masks/cat.png', encodePng(createMask(2, 3)));
    assert.match((await evaluate('folder')).errors, /cat\.png has 3 × 2 pixels, its image 10 × 8/);
    await file('masks/cat.png', 'no picture');
    assert.match((await evaluate('folder')).errors, /cat\.png is not a PNG/);
  });
});

describe('`evaluate segment` called wrongly', () => {
  it('names what to change', async () => {
    assert.match((await evaluate('imagenet')).errors, /--dataset is one of reasonseg, refcoco, coco, folder\./);
    assert.match((await tessera(['evaluate', 'segment', '--dataset', 'coco'])).errors, /--root, .* is missing/);
    assert.equal((await evaluate('coco', '--limit', '0')).code, 2);
  });
});
