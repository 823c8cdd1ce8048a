import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { resultKey } from '@tessera/blob-store';
import type { JobQueue } from '@tessera/queue';
import { listen, reportWorker, TestStores, type TestGateway } from './testing/test-gateway.js';
import { noisePng } from './testing/test-images.js';

/** The parts of the document that a page fills its forms with. */
interface Operation {
  readonly parameters?: readonly Field[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> };
}
interface Field {
  readonly name: string;
  readonly in: string;
  /** Swagger UI fills in the first one. */
  readonly examples?: Readonly<Record<string, { readonly value: string }>>;
  readonly schema: { readonly default?: string };
}
interface Content {
  readonly schema: { readonly properties?: Readonly<Record<string, FormProperty>> };
  readonly examples?: Readonly<Record<string, { readonly value: object }>>;
}
interface FormProperty {
  readonly format?: string;
  readonly examples?: readonly string[];
  readonly default?: string;
}

/** Examples that name what a service may not have, or have not got yet. */
const elsewhere: Readonly<Record<string, string>> = {
  '/images url': 'TSR_IMAGE_FETCH_FAILED',
  '/segment url': 'TSR_IMAGE_FETCH_FAILED',
  '/classify-composition trained_vocabulary': 'TSR_VOCABULARY_NOT_FOUND',
};
const photo = noisePng(120, 90);

let stores: TestStores;
let gateway: TestGateway;
let paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;

before(async () => {
  stores = await TestStores.open();
  const queue = await stores.openQueue('documented');
  answerNothingFound(queue);
  await reportWorker(stores.blobs, 'w', 'tessera-mini');
  gateway = await listen(queue, stores);
  const { body } = await gateway.client.get('/openapi.json').expect(200);
  ({ paths } = body as { paths: typeof paths });
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

/** A worker that finds nothing in any image. */
function answerNothingFound(queue: JobQueue): void {
  queue.process(
    async ({ id, data }) => {
      const asked = data.kind !== 'segment' ? [] : data.queries.length > 0 ? data.queries : (data.prompts ?? []);
      const mask = { size: [90, 120], counts: [10_800] };
      const results = asked.map(() => ({
        present: false,
        score: 0.1,
        mask_score: 0,
        instances: [],
        mask,
        warnings: [],
      }));
      const answer = { id, model: 'tessera-mini@1', image: { width: 120, height: 90 }, results };
      await stores.blobs.put(resultKey(id), Buffer.from(JSON.stringify(answer)), { ttlMs: 60_000 });
      return resultKey(id);
    },
    { concurrency: 4 },
  );
}

test('every route that takes JSON has examples of it, which are answered as they are', async () => {
  for (const [path, { post }] of Object.entries(paths)) {
    const json = post?.requestBody?.content['application/json'];
    if (json === undefined) continue;
    const examples = Object.entries(json.examples ?? {});
    assert.ok(examples.length > 0, `POST ${path} has no example`);
    for (const [name, { value }] of examples) {
      const filled = path.replace('{name}', 'tessera-mini');
      const request = gateway.client.post(filled).query(prefilled(post, 'query')).set(prefilled(post, 'header'));
      const { status, body } = await request.send(value);
      const expected = elsewhere[`${path} ${name}`];
      if (expected === undefined) assert.ok(status < 300, `POST ${path} ${name}: ${status} ${JSON.stringify(body)}`);
      else assert.equal((body as { code?: string }).code, expected, `POST ${path} ${name}`);
    }
  }
});

test('every text of a form has an example, which the option -F of curl takes as it is', () => {
  for (const [path, { post }] of Object.entries(paths)) {
    const form = post?.requestBody?.content['multipart/form-data']?.schema.properties ?? {};
    for (const [name, { format, examples, default: usual }] of Object.entries(form)) {
      if (format === 'binary') continue;
      const example = examples?.[0] ?? usual;
      assert.ok(example !== undefined, `${path} ${name}`);
      assert.doesNotMatch(example, /;|^[@<]/, `${path} ${name}`);
    }
  }
});

test('every form for an image is answered as it opens, and with a file; an image as the body with a file', async () => {
  const sent: string[] = [];
  for (const [path, { post }] of Object.entries(paths)) {
    for (const [type, { schema }] of Object.entries(post?.requestBody?.content ?? {})) {
      // Archives are no photos.
      if (type === 'application/json' || schema.properties?.archive !== undefined) continue;
      const isForm = type === 'multipart/form-data';
      for (const hasFile of isForm ? [false, true] : [true]) {
        const query = prefilled(post, 'query', isForm ? undefined : 'image');
        const request = gateway.client.post(path).query(query).set(prefilled(post, 'header'));
        if (isForm) {
          for (const [name, property] of Object.entries(schema.properties ?? {})) {
            if (property.format !== 'binary')
              void request.field(name, property.examples?.[0] ?? property.default ?? '');
            else if (hasFile) void request.attach(name, photo, 'photo.png');
            // As Swagger UI does for a file that nobody chose.
            else void request.field(name, '');
          }
        } else {
          void request.set('content-type', type).send(photo);
        }
        const { status, body } = await request;
        assert.equal(status, 200, `POST ${path} as ${type}: ${JSON.stringify(body)}`);
      }
      sent.push(`${path} ${type}`);
    }
  }
  assert.deepEqual(
    sent.sort(),
    ['/classify-composition', '/images', '/segment'].flatMap((path) =>
      ['application/octet-stream', 'image/jpeg', 'multipart/form-data'].map((type) => `${path} ${type}`),
    ),
  );
});

/** What Swagger UI sends before anybody has filled in anything; with the example of this name, where there is one. */
function prefilled(operation: Operation | undefined, place: string, chosen?: string): Record<string, string> {
  const fields = operation?.parameters?.filter((parameter) => parameter.in === place) ?? [];
  return Object.fromEntries(
    fields.flatMap(({ name, examples = {}, schema }) => {
      const example = examples[chosen ?? ''] ?? Object.values(examples)[0];
      const value = example?.value ?? schema.default ?? '';
      return value === '' ? [] : [[name, value] as const];
    }),
  );
}
