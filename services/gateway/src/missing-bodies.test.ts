import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import type { ProblemDetails } from '@tessera/contracts';
import { listen, problemOf, TestStores, type TestGateway } from './testing/test-gateway.js';

const routes = [
  ['POST', '/images'],
  ['POST', '/segment'],
  ['POST', '/classify-composition'],
  ['POST', '/vocabularies'],
  ['POST', '/label-studio/setup'],
  ['POST', '/label-studio/predict'],
  ['PUT', '/vocabularies/x/file'],
] as const;
const types = [
  undefined,
  'application/json',
  'application/json; charset=utf-8',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'application/vnd.tessera.vocabulary',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'text/plain',
  'image/jpeg',
  'nonsense',
];
/** How a request can come without a body. */
const framings = { 'no length': {}, 'length 0': { 'content-length': '0' }, chunks: { 'transfer-encoding': 'chunked' } };

let stores: TestStores;
let gateway: TestGateway;

before(async () => {
  stores = await TestStores.open();
  gateway = await listen(await stores.openQueue('missing'), stores);
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

for (const [method, path] of routes) {
  for (const [framing, headers] of Object.entries(framings)) {
    test(`${method} ${path} without a body (${framing}) is refused, whatever its content type`, async () => {
      for (const type of types) {
        const { status, problem } = await send(method, path, {
          ...headers,
          ...(type === undefined ? {} : { 'content-type': type }),
        });
        assert.ok(status === 400 || status === 415, `${type ?? 'none'}: ${status}`);
        assert.match(problem.detail, /body|form|content-type|is required/i);
      }
    });
  }
}

test('a content type that a route does not take is answered with those that it takes', async () => {
  const words: Record<string, string> = {
    '/images': 'application/json, multipart/form-data or image/…',
    '/segment': 'application/json, multipart/form-data or image/…',
    '/classify-composition': 'application/json, multipart/form-data or image/…',
    '/vocabularies': 'application/json or multipart/form-data',
    '/label-studio/setup': 'application/json',
    '/label-studio/predict': 'application/json',
    '/vocabularies/x/file': 'application/vnd.tessera.vocabulary or application/octet-stream',
  };
  for (const [method, path] of routes) {
    const types = path.endsWith('/file') ? ['text/plain', 'application/json'] : ['text/plain'];
    if (path.startsWith('/label-studio/')) types.push('multipart/form-data; boundary=x');
    for (const type of types) {
      const sent = gateway.client[method === 'PUT' ? 'put' : 'post'](path).set('content-type', type);
      const problem = problemOf(
        await sent
          .serialize((text: unknown) => text as string)
          .send('{}')
          .expect(415),
      );
      assert.equal(problem.detail, `The content-type must be ${words[path]}.`, `${path} ${type}`);
    }
  }
  const none = gateway.client.delete('/jobs/x').set('content-type', 'application/xml');
  const problem = problemOf(
    await none
      .serialize((text: unknown) => text as string)
      .send('<x/>')
      .expect(415),
  );
  assert.equal(problem.detail, 'This route takes no body.');
});

function send(method: string, path: string, headers: Record<string, string>) {
  return new Promise<{ status: number; problem: ProblemDetails }>((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: gateway.port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, problem: JSON.parse(text) as ProblemDetails });
      });
    });
    if (Object.keys(headers).every((name) => name === 'content-type')) sent.useChunkedEncodingByDefault = false;
    sent.on('error', reject);
    sent.end();
  });
}
