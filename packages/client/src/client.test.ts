import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClassifyCompositionResponse, JobResponse, ProblemDetails, SegmentResponse } from '@tessera/contracts';
import { TesseraClient, type ImageInput } from './client.js';
import type { JobUpdate } from './job-updates.js';
import { ConnectionError, ServiceError } from './service-error.js';
import {
  problemOf,
  sendEvents,
  sendJson,
  sendProblem,
  TestService,
  type ReceivedRequest,
} from '@tessera/runtime/test-service';

let service: TestService | undefined;

/** The service that the test talks to. */
async function start(...parameters: Parameters<typeof TestService.start>): Promise<TestService> {
  service = await TestService.start(...parameters);
  return service;
}

afterEach(async () => {
  await service?.close();
  service = undefined;
});

const job: JobResponse = { id: 'a/1', status: 'queued', created_at: '2026-01-01T00:00:00Z' };
const answer: ClassifyCompositionResponse = {
  id: 'a/1',
  model: 'tessera-dual@1',
  results: [],
  candidates: { count: 1, excluded: 0 },
  calibration: { unseen_bias: 0, logit_scale: 100 },
  warnings: [],
  timings_ms: { total: 1 },
};
const request = { image: 'aW1hZ2U=', vocabulary: 'apparel' };
const missing = problemOf('TSR_VOCABULARY_NOT_FOUND', 404, 'There is no vocabulary "x".');

function isProblem({ code, detail }: ProblemDetails): (error: unknown) => boolean {
  return (error) => error instanceof ServiceError && error.code === code && error.message === detail;
}

/** The form of a request as another implementation reads it. */
function formOf({ headers, body }: ReceivedRequest): Promise<FormData> {
  // A server should not read forms with it; a test may.
  const form: { formData(): Promise<FormData> } = new Response(body, {
    headers: { 'content-type': headers['content-type'] ?? '' },
  });
  return form.formData();
}

function fileOf(form: FormData | undefined, name: string): File {
  const file = form?.get(name);
  assert.ok(file instanceof File);
  return file;
}

/** The texts of a form; those that are JSON as what they hold. */
function fieldsOf(form: FormData | undefined): Record<string, unknown> {
  const texts = [...(form ?? [])].filter((entry): entry is [string, string] => typeof entry[1] === 'string');
  return Object.fromEntries(
    texts.map(([name, text]) => [name, /^[[{]/.test(text) && name !== 'query' ? JSON.parse(text) : text]),
  );
}

function isConnectionError(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof ConnectionError && message.test(error.message);
}

describe('the client', () => {
  it('asks each thing where the service answers it', async () => {
    const { url, requests } = await start(({ path }, response) => {
      if (path === '/models') sendJson(response, 200, { models: ['m'] });
      else if (path === '/vocabularies') sendJson(response, 200, { vocabularies: ['v'] });
      else if (path === '/webhooks/failed') sendJson(response, 200, { webhooks: ['w'] });
      else sendJson(response, 200, { path });
    });
    const client = new TesseraClient({ url });
    assert.deepEqual(await client.models(), ['m']);
    assert.deepEqual(await client.vocabularies(), ['v']);
    assert.deepEqual(await client.vocabulary('a/b'), { path: '/vocabularies/a%2Fb' });
    await client.deleteVocabulary('x');
    assert.deepEqual(await client.job('a/1'), { path: '/jobs/a%2F1' });
    await client.cancelJob('a/1');
    assert.deepEqual(await client.failedWebhooks(), ['w']);
    await client.redeliverWebhook('end-a/1');
    await client.trainOnExamples({ name: 'x', examples: [] });
    assert.deepEqual(
      requests.map(({ method, path }) => `${method} ${path}`),
      [
        'GET /models',
        'GET /vocabularies',
        'GET /vocabularies/a%2Fb',
        'DELETE /vocabularies/x',
        'GET /jobs/a%2F1',
        'DELETE /jobs/a%2F1',
        'GET /webhooks/failed',
        'POST /webhooks/failed/end-a%2F1/redeliver',
        'POST /vocabularies',
      ],
    );
    assert.equal(requests.at(-1)?.headers['content-type'], 'application/json');
    assert.deepEqual(JSON.parse(String(requests.at(-1)?.body)), { name: 'x', examples: [] });
  });

  it('finds a service that is below a path, written with a slash at its end or without', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, { models: [] });
    });
    for (const path of ['', '/', '/ai/tessera', '/ai/tessera/'])
      await new TesseraClient({ url: `${url}${path}` }).models();
    assert.deepEqual(
      requests.map(({ path }) => path),
      ['/models', '/models', '/ai/tessera/models', '/ai/tessera/models'],
    );
  });

  it('sends its API key when it has one', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, { models: [] });
    });
    await new TesseraClient({ url, apiKey: 'a-secret' }).models();
    await new TesseraClient({ url }).models();
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      ['Bearer a-secret', undefined],
    );
  });

  it('sends a training set while it is made', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 202, job);
    });
    async function* archive() {
      for (const text of ['first ', 'second']) yield await Promise.resolve(Buffer.from(text));
    }
    const options = { name: 'apparel', method: 'csp', recipe: { epochs: 3 } } as const;
    assert.deepEqual(await new TesseraClient({ url }).trainOnArchive(options, archive()), job);
    const sentForm = requests[0] ?? assert.fail('nothing was sent');
    assert.equal(sentForm.headers['content-length'], undefined);
    const fields = await formOf(sentForm);
    const [sent, file] = [fields.get('options'), fields.get('archive')];
    assert.ok(typeof sent === 'string' && file instanceof File);
    assert.equal(fields.get('name'), 'apparel');
    assert.deepEqual(JSON.parse(sent), { method: 'csp', recipe: { epochs: 3 } });
    assert.equal(await file.text(), 'first second');
  });

  it('fails as the training set does that cannot be made', async () => {
    const { url } = await start((_, response) => {
      sendJson(response, 202, job);
    });
    async function* archive() {
      yield await Promise.resolve(Buffer.from('first'));
      throw new Error('the disk is gone');
    }
    await assert.rejects(new TesseraClient({ url }).trainOnArchive({ name: 'x' }, archive()), {
      message: 'the disk is gone',
    });
  });

  it('exports and imports vocabularies byte for byte', async () => {
    const { url, requests } = await start(({ method }, response) => {
      if (method === 'PUT') sendJson(response, 201, { name: 'x' });
      else response.end(Buffer.of(0, 255, 13, 10));
    });
    const client = new TesseraClient({ url });
    const file = await client.exportVocabulary('x');
    assert.deepEqual(file, Uint8Array.of(0, 255, 13, 10));
    await client.importVocabulary('y', file);
    const { path, headers, body } = requests[1] ?? assert.fail('nothing was imported');
    assert.equal(path, '/vocabularies/y/file');
    assert.equal(headers['content-type'], 'application/vnd.tessera.vocabulary');
    assert.deepEqual(body, Buffer.of(0, 255, 13, 10));
  });
});

describe('an image', () => {
  const stored = { id: `sha256:${'0'.repeat(64)}`, width: 2, height: 1, ttl_s: 60 };

  it('is stored once, and its answer stands for it', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, stored);
    });
    const client = new TesseraClient({ url });
    assert.deepEqual(await client.storeImage(Uint8Array.of(255, 216, 255)), stored);
    await client.storeImage(new URL('https://images.example.org/a.jpg'));
    await client.storeImage(stored);
    const [file, address, again] = requests;
    assert.deepEqual(
      requests.map(({ method, path }) => `${method} ${path}`),
      Array(3).fill('POST /images'),
    );
    const form = file && (await formOf(file));
    assert.deepEqual(new Uint8Array(await fileOf(form, 'image').arrayBuffer()), Uint8Array.of(255, 216, 255));
    assert.deepEqual(fieldsOf(form), {});
    assert.deepEqual(JSON.parse(String(address?.body)), { image: 'https://images.example.org/a.jpg' });
    assert.deepEqual(JSON.parse(String(again?.body)), { image: { id: stored.id } });
  });

  it('is sent again when the service is overloaded', async () => {
    let asked = 0;
    const { url } = await start((_, response) => {
      if (++asked === 1) sendProblem(response, problemOf('TSR_QUEUE_FULL', 429, 'Too many.'));
      else sendJson(response, 200, stored);
    });
    assert.deepEqual(await new TesseraClient({ url }).storeImage('aW1hZ2U='), stored);
    assert.equal(asked, 2);
  });
});

describe('a segmentation', () => {
  const masks: SegmentResponse = {
    id: 'a/1',
    model: 'tessera-mini@1',
    image: { id: `sha256:${'0'.repeat(64)}`, width: 2, height: 1 },
    results: [],
    timings_ms: { total: 1 },
  };

  const prompts = [{ box: [0, 0, 1, 1] as [number, number, number, number] }];

  it('sends bytes as a file, and the rest beside it', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, masks);
    });
    const client = new TesseraClient({ url });
    const bytes = new Uint8Array([9, 255, 216, 255, 9]).subarray(1, 4);
    const output = { instances: true };
    assert.deepEqual(await client.segment({ image: bytes, query: '["the" dog', prompts, output }), masks);
    await client.segment({ image: new Blob([bytes]), queries: ['a', 'b'], model: 'tessera-mini' });
    await client.segment({ image: bytes.slice().buffer, query: 'the dog' });
    const [one, several, buffer] = await Promise.all(requests.map(formOf));
    assert.deepEqual(new Uint8Array(await fileOf(one, 'image').arrayBuffer()), Uint8Array.of(255, 216, 255));
    assert.deepEqual(new Uint8Array(await fileOf(buffer, 'image').arrayBuffer()), Uint8Array.of(255, 216, 255));
    assert.deepEqual(fieldsOf(one), { query: '["the" dog', prompts, options: { output } });
    assert.deepEqual(fieldsOf(several), { queries: ['a', 'b'], options: { model: 'tessera-mini' } });
  });

  it('of what is no image rejects with what is one, and sends nothing', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, masks);
    });
    const client = new TesseraClient({ url });
    const wrong: [input: unknown, type: string][] = [
      [42, 'Number'],
      [null, 'Null'],
      [undefined, 'Undefined'],
      [[1, 2], 'Array'],
      [{ id: 7 }, 'Object'],
      [Promise.resolve(new Uint8Array()), 'Promise'],
      [new Float32Array(1), 'Float32Array'],
    ];
    for (const [input, type] of wrong) {
      const image = input as ImageInput;
      const calls = [
        () => client.segment({ image, query: 'the dog' }),
        () => client.queueSegment({ image, query: 'the dog' }),
        () => client.storeImage(image),
        () => client.queueClassify({ images: [new Uint8Array(1), image], vocabulary: 'apparel' }),
      ];
      const message = `An image is a Uint8Array, an ArrayBuffer, a Blob, a URL, base64, or the \`image\` of an answer, not of type ${type}.`;
      for (const call of calls) await assert.rejects(call, new TypeError(message));
    }
    assert.deepEqual(requests, []);
  });

  it('sends a URL as its text, and other sources as they are', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, masks);
    });
    const client = new TesseraClient({ url });
    await client.segment({ image: '/9j/', query: 'the dog', prompts, refine: true });
    await client.segment({ image: new URL('https://images.example.org/a.jpg'), queries: ['a', 'b'] });
    await client.segment({ image: masks.image, prompts });
    assert.deepEqual(
      requests.map(({ method, path, body }) => [`${method} ${path}`, JSON.parse(String(body))]),
      [
        ['POST /segment', { image: '/9j/', query: 'the dog', prompts, refine: true }],
        ['POST /segment', { image: 'https://images.example.org/a.jpg', queries: ['a', 'b'] }],
        ['POST /segment', { image: { id: masks.image.id }, prompts }],
      ],
    );
  });

  it('whose progress is asked for is queued and followed', async () => {
    const { url, requests } = await start(({ method }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else sendEvents(response, ['status', job], ['progress', { stage: 'vision', fraction: 0.5 }], ['result', masks]);
    });
    const events: string[] = [];
    const onUpdate = ({ event }: JobUpdate) => events.push(event);
    const question = { image: 'aW1hZ2U=', query: 'the dog' };
    assert.deepEqual(
      await new TesseraClient({ url }).segment(question, { onUpdate, priority: 'low', deadlineMs: 500 }),
      masks,
    );
    assert.deepEqual(events, ['status', 'progress', 'result']);
    const { prefer, 'x-priority': priority, 'x-deadline-ms': deadline } = requests[0]?.headers ?? {};
    assert.deepEqual([prefer, priority, deadline], ['respond-async', 'low', '500']);
  });

  it('can be queued', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 202, job);
    });
    assert.deepEqual(await new TesseraClient({ url }).queueSegment({ image: 'aW1hZ2U=', query: 'the dog' }), job);
    assert.equal(requests[0]?.headers.prefer, 'respond-async');
  });

  it('names a webhook, in JSON and in a form', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 202, job);
    });
    const client = new TesseraClient({ url });
    const webhook = { url: 'https://hooks.example.org/', events: ['job.failed' as const] };
    await client.queueSegment({ image: 'aW1hZ2U=', query: 'the dog', webhook });
    await client.queueSegment({ image: new Uint8Array([1]), query: 'the dog', webhook });
    assert.deepEqual((JSON.parse(String(requests[0]?.body)) as { webhook: object }).webhook, webhook);
    assert.match(
      String(requests[1]?.body),
      /"webhook":\{"url":"https:\/\/hooks\.example\.org\/","events":\["job\.failed"\]\}/,
    );
  });

  it('that is given up while its job is followed cancels the job', async () => {
    const cancelled = new EventTarget();
    const wasCancelled = once(cancelled, 'cancel');
    const { url } = await start(({ method, path }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else if (method === 'GET') response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': ');
      else {
        sendJson(response, 200, job);
        cancelled.dispatchEvent(new Event(path === '/jobs/a%2F1' ? 'cancel' : 'other'));
      }
    });
    const call = new TesseraClient({ url }).segment({ image: 'aW1hZ2U=', query: 'the dog' }, { timeoutMs: 200 });
    await assert.rejects(call, { name: 'TimeoutError' });
    await wasCancelled;
  });

  it('that is given up before its job is known cancels the job all the same', async () => {
    const { url, requests } = await start(({ method }, response) => {
      if (method === 'POST')
        setTimeout(() => {
          sendJson(response, 202, job);
        }, 200);
      else sendJson(response, 200, job);
    });
    const client = new TesseraClient({ url });
    const question = { image: 'aW1hZ2U=', query: 'the dog' };
    const followed = client.segment(question, { timeoutMs: 50, onUpdate: () => undefined });
    await assert.rejects(followed, { name: 'TimeoutError' });
    await assert.rejects(client.queueSegment(question, { timeoutMs: 50 }), { name: 'TimeoutError' });
    const isCancelled = () => requests.filter(({ method, path }) => method === 'DELETE' && path === '/jobs/a%2F1');
    for (let waits = 0; isCancelled().length < 2; waits++) {
      assert.ok(waits < 100, 'the jobs go on');
      await sleep(20);
    }
  });

  it('that is given up before it begins is not sent', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 202, job);
    });
    const signal = AbortSignal.abort(new Error('enough'));
    const call = new TesseraClient({ url }).queueSegment({ image: 'aW1hZ2U=', query: 'the dog' }, { signal });
    await assert.rejects(call, /enough/);
    assert.equal(requests.length, 0);
  });

  it('that takes longer is followed to its result, or to the error of its job', async () => {
    const question = { image: 'aW1hZ2U=', query: 'the dog' };
    let ending: [event: string, data: unknown] = ['result', masks];
    const { url } = await start(({ method }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else sendEvents(response, ['status', job], ending);
    });
    assert.deepEqual(await new TesseraClient({ url }).segment(question), masks);
    ending = ['error', missing];
    await assert.rejects(new TesseraClient({ url }).segment(question), isProblem(missing));
  });

  it('can be given up', async () => {
    const { url } = await start(() => {
      // Never answers.
    });
    const reason = new Error('given up');
    const controller = new AbortController();
    const call = new TesseraClient({ url }).segment({ image: 'aW1hZ2U=', query: 'x' }, { signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(call, reason);
  });
});

describe('a classification', () => {
  it('that is answered at once is that answer', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, answer);
    });
    assert.deepEqual(await new TesseraClient({ url }).classify(request), answer);
    assert.deepEqual(JSON.parse(String(requests[0]?.body)), request);
  });

  it('sends several images as files, in their order, and references between them', async () => {
    const { url, requests } = await start((_, response) => {
      sendJson(response, 200, answer);
    });
    const reference = { id: `sha256:${'0'.repeat(64)}` };
    const images = [Buffer.from('first'), reference, Buffer.from('third')];
    await new TesseraClient({ url }).classify({ images, vocabulary: 'apparel', top_k: 3 });
    const form = await formOf(requests[0] ?? assert.fail('nothing was sent'));
    const sent = form.getAll('images').map((part) => new Response(part).text());
    assert.deepEqual(await Promise.all(sent), ['first', JSON.stringify(reference), 'third']);
    assert.deepEqual(fieldsOf(form).options, { vocabulary: 'apparel', top_k: 3 });
  });

  it('by a worker that gives no warnings has none', async () => {
    const { warnings, ...old } = answer;
    const { url } = await start((_, response) => {
      sendJson(response, 200, old);
    });
    assert.deepEqual(await new TesseraClient({ url }).classify(request), { ...old, warnings });
  });

  it('that takes longer is followed to its result', async () => {
    const { url, requests } = await start(({ method }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else sendEvents(response, ['status', job], ['progress', { stage: 'vision', fraction: 0.5 }], ['result', answer]);
    });
    assert.deepEqual(await new TesseraClient({ url }).classify(request), answer);
    assert.equal(requests[1]?.path, '/jobs/a%2F1/events');
    assert.equal(requests[1].headers.accept, 'text/event-stream');
  });

  it('that takes longer and fails has the error of its job', async () => {
    const { url } = await start(({ method }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else sendEvents(response, ['status', job], ['error', missing]);
    });
    await assert.rejects(new TesseraClient({ url }).classify(request), isProblem(missing));
  });

  it('whose result nobody keeps any more says so', async () => {
    const { url } = await start(({ method }, response) => {
      if (method === 'POST') sendJson(response, 202, job);
      else response.writeHead(204).end();
    });
    await assert.rejects(
      new TesseraClient({ url }).classify(request),
      isConnectionError(/a\/1 ended without a result/),
    );
  });
});

describe('a request that fails', () => {
  it('because the service refuses it has the service’s error, fields included', async () => {
    const errors = [{ pointer: '/top_k', message: 'must be positive' }];
    const { url } = await start((_, response) => {
      sendProblem(response, { ...missing, errors });
    });
    await assert.rejects(new TesseraClient({ url }).vocabulary('x'), (error) => {
      assert.ok(error instanceof ServiceError);
      assert.deepEqual(error.problem, { ...missing, errors });
      return isProblem(missing)(error);
    });
  });

  it('because nothing listens says where and why', async () => {
    const { url } = await start(() => undefined);
    await service?.close();
    await assert.rejects(
      new TesseraClient({ url, retries: 0 }).models(),
      isConnectionError(/^http:\/\/127\.0\.0\.1:\d+\/ cannot be reached: connect ECONNREFUSED .*\.$/),
    );
  });

  const foreign: [what: string, status: number, body: string][] = [
    ['a proxy without a service behind it', 502, '<html>Bad Gateway</html>'],
    ['another API', 404, '{"error": "not found"}'],
    ['an API that answers nothing', 500, 'null'],
    ['a website', 200, '<html>Welcome</html>'],
  ];
  for (const [what, status, body] of foreign) {
    it(`because ${what} answers says that this is not Tessera`, async () => {
      const { url } = await start((_, response) => {
        response.writeHead(status).end(body);
      });
      const client = new TesseraClient({ url, retries: 0 });
      const isForeign = isConnectionError(new RegExp(`^${url}/.* answered ${status}, but not as Tessera does\\.$`));
      await assert.rejects(client.models(), isForeign);
      await assert.rejects(client.classify(request), isForeign);
    });
  }

  it('because what answers is another service says so, whatever its answers look like', async () => {
    let sent: [status: number, body: string] = [200, ''];
    const { url } = await start((_, response) => {
      response.writeHead(sent[0], { 'content-type': 'application/json' }).end(sent[1]);
    });
    const client = new TesseraClient({ url, retries: 0 });
    const image = 'aW1hZ2U=';
    const calls = {
      models: () => client.models(),
      vocabularies: () => client.vocabularies(),
      segment: () => client.segment({ image, query: 'x' }),
      classify: () => client.classify({ ...request, image }),
      queueSegment: () => client.queueSegment({ image, query: 'x' }),
    };
    for (const body of ['null', '[]', '"text"', '{}', '{"models":null,"vocabularies":{},"results":1}']) {
      for (const status of [200, 202]) {
        sent = [status, body];
        for (const [name, call] of Object.entries(calls))
          await assert.rejects(call(), isConnectionError(/but not as Tessera does/), `${name} ${status} ${body}`);
      }
    }
    for (const errors of ['text', { name: ['is wrong'] }, [null], [{ pointer: 1, message: 'x' }]]) {
      sent = [400, JSON.stringify({ ...missing, errors })];
      await assert.rejects(client.models(), (error) => {
        assert.ok(ServiceError.isInstance(error));
        assert.equal(error.problem.errors, undefined);
        return true;
      });
    }
  });

  it('because the connection is lost in the middle of an answer says so', async () => {
    const { url } = await start((_, response) => {
      response.writeHead(200, { 'content-length': 1_000 });
      response.write('{"models": [', () => response.destroy());
    });
    const client = new TesseraClient({ url, retries: 0 });
    await assert.rejects(client.models(), isConnectionError(/was lost/));
    await assert.rejects(client.exportVocabulary('x'), isConnectionError(/was lost/));
  });

  it('because it is told to stop has the reason, before the answer, in it, and while a job is followed', async () => {
    const { url } = await start(({ path }, response) => {
      if (path === '/models') return;
      response.writeHead(200, path.endsWith('/events') ? { 'content-type': 'text/event-stream' } : {});
      response.write(': ');
    });
    const client = new TesseraClient({ url });
    const reason = new Error('enough');
    const stopped = () => {
      const controller = new AbortController();
      setTimeout(() => {
        controller.abort(reason);
      }, 50);
      return controller.signal;
    };
    await assert.rejects(client.models({ signal: stopped() }), reason);
    await assert.rejects(client.job('x', { signal: stopped() }), reason);
    await assert.rejects(client.resultOf('x', { signal: stopped() }), reason);
  });
});
