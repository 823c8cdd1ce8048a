import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { listen, problemOf, reportWorker, TestStores, type TestGateway } from './testing/test-gateway.js';

let stores: TestStores;
let gateway: TestGateway;
/** The operations of the OpenAPI document that may come with a body, their paths filled in. */
let operations: [method: 'post' | 'put' | 'delete', path: string][];

before(async () => {
  stores = await TestStores.open();
  await reportWorker(stores.blobs, 'worker', 'tessera-mini');
  gateway = await listen(await stores.openQueue('deep'), stores);
  const { body } = await gateway.client.get('/openapi.json').expect(200);
  const { paths } = body as { paths: Record<string, object> };
  operations = Object.entries(paths).flatMap(([path, methods]) => {
    const filled = path.replace('{name}', 'tessera-mini').replace('{id}', 'x');
    return (['post', 'put', 'delete'] as const)
      .filter((method) => method in methods)
      .map((method): (typeof operations)[number] => [method, filled]);
  });
});

after(async () => {
  await gateway.app.close();
  await stores.close();
});

const lists = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
const objects = `${'{"a":'.repeat(50_000)}0${'}'.repeat(50_000)}`;
const bodies: readonly ((deep: string) => string)[] = [
  (deep) => deep,
  (deep) => `{"params": {"context": {"result": ${deep}}}, "tasks": [], "label_config": ""}`,
  (deep) => `{"params": {"context": {"result": [{"value": {"labels": ${deep}}}]}}, "tasks": [], "label_config": ""}`,
  (deep) => `{"inputs": [{"name": "image", "shape": [1], "datatype": "BYTES", "data": ${deep}}]}`,
  (deep) => `{"anything": ${deep}}`,
];

test('deeply nested JSON is refused in words by every route, whether or not it takes a body', async () => {
  assert.ok(operations.length >= 11, JSON.stringify(operations));
  for (const [method, path] of operations) {
    for (const bodyOf of bodies) {
      for (const deep of [lists, objects]) {
        const problem = problemOf(await gateway.client[method](path).type('json').send(bodyOf(deep)));
        assert.deepEqual([problem.status, problem.code], [400, 'TSR_BODY_INVALID'], `${method} ${path}`);
        assert.match(problem.detail, /more than 100 lists and objects inside each other/);
      }
    }
  }
});

test('a deeply nested field of a form is refused by every route', async () => {
  const deep = `${'['.repeat(32_000)}${']'.repeat(32_000)}`;
  for (const [method, path] of operations) {
    for (const [field, text] of [
      ['options', `{"model": ${deep}}`],
      ['prompts', deep],
      ['vocabulary', `{"objects": ${deep}}`],
      ['recipe', `{"epochs": ${deep}}`],
    ] as const) {
      const { status } = await gateway.client[method](path).field(field, text);
      assert.ok(status >= 400 && status < 500, `${method} ${path} ${field}: ${status}`);
    }
  }
});
