import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { problemOf, sendJson, sendProblem, TestService } from '@tessera/runtime/test-service';
import { tessera } from '../test-command.js';

let models: string;
/** Where nothing listens. */
const nowhere = '127.0.0.1:1';

before(async () => {
  models = await mkdtemp(join(tmpdir(), 'tessera-cli-'));
});
after(() => rm(models, { recursive: true }));

async function statuses(words: string[], environment: Record<string, string>) {
  const { code, output } = await tessera(['doctor', '--json', ...words], { MODELS_DIR: models, ...environment });
  const findings = JSON.parse(output) as { check: string; status: string; detail: string; remedy?: string }[];
  return { code, of: Object.fromEntries(findings.map((finding) => [finding.check, finding])) };
}

describe('`doctor`', () => {
  it('finds nothing broken where the service is ready', async () => {
    const service = await TestService.start((_, response) => {
      sendJson(response, 200, { status: 'ready', workers: [{ models: ['tessera-mini'] }] });
    });
    await mkdir(join(models, 'a-model'), { recursive: true });
    await writeFile(join(models, 'a-model/bundle.json'), '{}');
    const { code, of } = await statuses(['--url', service.url], {});
    await service.close();
    assert.equal(code, 0, JSON.stringify(of));
    assert.equal(of['Node.js']?.detail, process.versions.node);
    assert.match(of.service?.detail ?? '', /ready: tessera-mini$/);
    assert.match(of.models?.detail ?? '', /^a-model in /);
    assert.match(of['model on cpu']?.detail ?? '', /^a tiny model gives the right values; ONNX Runtime lists cpu/);
    for (const library of ['onnxruntime-node', 'sharp']) assert.match(of[library]?.detail ?? '', /^installed, loads$/);
  });

  it('names what is broken and what to do about it', async () => {
    const { code, of } = await statuses(['--url', `http://${nowhere}`], { REDIS_URL: `redis://${nowhere}` });
    assert.equal(code, 1);
    assert.deepEqual([of.service?.status, of.service?.remedy], ['failed', 'Start it with `tessera serve`.']);
    assert.equal(of.Redis?.status, 'failed');
    assert.match(of.Redis.detail, /^cannot be reached: .*ECONNREFUSED/);
  });

  it('checks all of CUDA when it is asked for, or configured', async () => {
    const asked = await statuses(['--cuda'], {});
    const configured = await statuses([], { EXECUTION_PROVIDERS: 'cuda,cpu' });
    for (const { code, of } of [asked, configured]) {
      const found = ['NVIDIA driver', 'CUDA provider', 'CUDA libraries', 'model on cuda'].map((check) => of[check]);
      assert.ok(found.every((finding) => finding !== undefined));
      assert.equal(code, found.some((finding) => finding.status === 'failed') ? 1 : 0);
    }
  });

  it('passes on why a service is not ready', async () => {
    const service = await TestService.start((_, response) => {
      sendProblem(response, problemOf('TSR_NOT_READY', 503, 'No worker answers.'));
    });
    const { code, output, errors } = await tessera(['doctor', '--url', service.url], {});
    await service.close();
    assert.equal(code, 1);
    assert.match(output, /^failed {2}service +TSR_NOT_READY: No worker answers\.$/m);
    assert.match(errors, /^Broken: .*service\.\n$/);
  });
});
