import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../support/repository-copy.js';

const read = (file: string) => readFile(join(repositoryRoot, file), 'utf8');

test('the alert rules and the dashboard name metrics that the services have', async () => {
  const sources = await Promise.all(
    ['services/gateway/src/metrics.ts', 'services/worker/src/worker-metrics.ts'].map((file) => read(file)),
  );
  const declared = Array.from(sources.join('\n').matchAll(/name: '(tessera_\w+)',/g), ([, name]) => name);
  assert.ok(declared.length > 15);
  for (const file of ['alerts.yml', 'dashboard.json']) {
    const text = await read(`deploy/observability/${file}`);
    const named = new Set(
      Array.from(text.matchAll(/\btessera_\w+/g), ([name]) => name.replace(/_(bucket|sum|count)$/, '')),
    );
    assert.ok(named.size > 5);
    const unknown = [...named].filter((name) => !declared.includes(name));
    assert.deepEqual(unknown, [], file);
  }
});
