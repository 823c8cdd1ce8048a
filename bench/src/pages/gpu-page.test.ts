import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { repositoryRoot } from '@tessera/evaluation';
import type { GpuResult } from '../gpu/gpu-result.js';
import { gpuPage } from './gpu-page.js';

const result: GpuResult = {
  created_at: '2026-01-02T03:04:05.000Z',
  form: 'full',
  provider: 'cuda',
  machine: {
    gpus: [{ name: 'NVIDIA L4', memory: '23034 MiB', driver: '570.124.06' }],
    processor: 'a processor',
    cores: 16,
    memory_bytes: 128e9,
    kernel: '6.8.0',
    node: '20.20.2',
    onnxruntime_node: '1.26.0',
    commit: '0123456789abcdef',
  },
  settings: {
    language_model: 'llama-7b',
    image_tokens: 256,
    questions: [1],
    image_encoder: 'sam-vit-h',
    precision: 'float16',
    clients: 16,
    max_batch: 8,
  },
  seconds: 321,
  parts: [
    {
      name: 'prefill',
      limit_seconds: 210,
      seconds: 150,
      rows: [
        { provider: 'CUDAExecutionProvider', onnxruntime: '1.26.0', seconds: 20 },
        { questions: 1, case: 'off', ms: 40, least_ms: 39, runs: 30 },
        { questions: 1, case: 'csp 65 %', ms: 20, least_ms: 19.5, runs: 30 },
        { questions: 16, case: 'off', error: 'out of memory' },
      ],
    },
    { name: 'encoder', limit_seconds: 80, seconds: 80, rows: [], error: 'it was ended after its limit of 80 s' },
    {
      name: 'service, batching off',
      limit_seconds: 70,
      seconds: 50,
      rows: [
        { case: 'batching off', max_batch: 1, clients: 16, answers: 90, per_second: 3, p50_ms: 900, p99_ms: 1200 },
      ],
    },
  ],
};

describe('the page about a GPU', () => {
  it('is the one in the documentation', async () => {
    const page = await readFile(join(repositoryRoot, 'docs/reference/gpu-benchmark.md'), 'utf8');
    assert.equal(page, await gpuPage());
  });

  it('says that it waits for the one command while there is no result', async () => {
    assert.match(await gpuPage('/nowhere/gpu-benchmark.json'), /Not measured yet.*^bench\/gpu\/run\.sh$/ms);
  });

  it('shows the device, the ratios, and what failed', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tessera-page-'));
    const file = join(directory, 'result.json');
    await writeFile(file, JSON.stringify(result));
    const page = await gpuPage(file);
    assert.match(page, /\| device +\| +NVIDIA L4 \(23034 MiB\), driver 570\.124\.06 \|/);
    assert.match(page, /\| 1 +\| +csp 65 % \| +20\.0 ms \| +19\.5 ms \| 0\.50 × \|/);
    assert.match(page, /\| 16 +\| +off \| out of memory \|/);
    assert.match(page, /encoder failed: it was ended after its limit of 80 s/);
    assert.match(page, /\| batching off, at most 1 \| +16 \| +3\.0 \| 900 ms \|/);
    await writeFile(file, JSON.stringify({ ...result, form: 'small' }));
    await assert.rejects(gpuPage(file), /small form on cuda/);
    await rm(directory, { recursive: true });
  });
});
