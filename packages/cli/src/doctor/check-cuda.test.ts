import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { installation } from '../installation.js';
import { checkCuda, type CudaPlaces } from './check-cuda.js';
import { cudaLibraries } from './cuda-libraries.js';
import { tinyRun } from './tiny-run.js';

const inference = join(installation, 'packages/inference');
const libraryNames = cudaLibraries.map(({ name }) => name);
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-cuda-'));
});
after(() => rm(directory, { recursive: true }));

/** A machine in directories of its own: which libraries, which driver, with or without the provider. */
async function machine(
  name: string,
  parts: { libraries?: readonly string[]; smi?: string; version?: string; provider?: readonly string[] },
): Promise<CudaPlaces> {
  const root = join(directory, name);
  const [libraries, onnxRuntime, smi] = [join(root, 'lib'), join(root, 'ort'), join(root, 'nvidia-smi')];
  const bin = join(onnxRuntime, 'bin/napi-v6/linux/x64');
  await Promise.all([mkdir(libraries, { recursive: true }), mkdir(bin, { recursive: true })]);
  for (const library of parts.libraries ?? []) await writeFile(join(libraries, library), '');
  for (const library of parts.provider ?? []) await writeFile(join(bin, library), '');
  if (parts.smi !== undefined) {
    await writeFile(smi, `#!/bin/sh\necho '${parts.smi}'\n`);
    await chmod(smi, 0o755);
  }
  const driverVersionFile = join(root, 'version');
  if (parts.version !== undefined) await writeFile(driverVersionFile, parts.version);
  const runOnCuda = () => tinyRun('cuda', inference);
  return { platform: 'linux/x64', driverVersionFile, smi, libraryDirectories: [libraries], onnxRuntime, runOnCuda };
}

async function check(places: CudaPlaces, isNeeded = true) {
  const findings = await checkCuda(places, isNeeded);
  return Object.fromEntries(findings.map((finding) => [finding.check, finding]));
}

const provider = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];
const card = 'NVIDIA L4, 23034 MiB, 570.124.06';

describe('the checks of CUDA', () => {
  it('are one note where there is no GPU and none is needed', async () => {
    const found = await check(await machine('bare', {}), false);
    assert.deepEqual(Object.keys(found), ['CUDA']);
    assert.equal(found.CUDA?.status, 'note');
  });

  it('name everything that is missing, with what installs it', async () => {
    const found = await check(await machine('empty', {}));
    assert.match(found['NVIDIA driver']?.remedy ?? '', /525\.60\.13 or newer.*`sudo apt-get install nvidia-driver`/s);
    assert.match(found['CUDA provider']?.detail ?? '', /libonnxruntime_providers_cuda\.so and .*_shared\.so missing/);
    assert.match(
      found['CUDA provider']?.remedy ?? '',
      /\/empty\/ort' && ONNXRUNTIME_NODE_INSTALL=cuda12 node script\/install\.js/,
    );
    const { status, detail, remedy = '' } = found['CUDA libraries'] ?? assert.fail();
    assert.equal(status, 'failed');
    for (const name of libraryNames) assert.ok(detail.includes(name), name);
    assert.match(
      remedy,
      /apt-get install cuda-cudart-12-9 libcublas-12-9 libcufft-12-9 libcurand-12-9 libcudnn9-cuda-12`/,
    );
    assert.match(remedy, /pip install nvidia-cuda-runtime-cu12 nvidia-cublas-cu12 .*nvidia-cudnn-cu12`/);
  });

  it('find a machine that has it all', async () => {
    const parts = { libraries: [...libraryNames, 'libcuda.so.1'], smi: card, provider };
    const places = await machine('whole', parts);
    // Only a GPU can run the model on CUDA; the same run on the processor takes its place.
    const found = await check({ ...places, runOnCuda: () => tinyRun('cpu', inference) });
    assert.deepEqual(
      Object.values(found).map(({ status }) => status),
      ['ok', 'ok', 'ok', 'ok'],
      JSON.stringify(found),
    );
    assert.equal(found['NVIDIA driver']?.detail, '570.124.06, NVIDIA L4 (23034 MiB)');
  });

  it('say that libraries of another release are there', async () => {
    const others = ['libcudart.so.13', 'libcudart.so.13.0.96', 'libcudnn.so.9', 'libcuda.so.1'];
    const found = await check(await machine('newer', { libraries: others, smi: card, provider }));
    const { detail, remedy = '' } = found['CUDA libraries'] ?? assert.fail();
    assert.match(detail, /libcudart\.so\.12 \(there is libcudart\.so\.13\), libcublas\.so\.12, /);
    assert.doesNotMatch(remedy, /cudnn/);
  });

  it('refuse an old driver, one without a GPU and one that the loader does not find', async () => {
    const old = await check(await machine('old', { smi: 'Tesla K80, 11441 MiB, 470.256.02' }));
    assert.match(old['NVIDIA driver']?.remedy ?? '', /CUDA 12 needs 525\.60\.13 or newer/);
    const text = 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.124.06  Wed Feb 26\nGCC version: gcc 13.3.0\n';
    const blind = await check(await machine('blind', { version: text }));
    assert.equal(blind['NVIDIA driver']?.detail, '570.124.06, without a GPU');
    const hidden = await check(await machine('hidden', { smi: card }));
    assert.match(hidden['NVIDIA driver']?.detail ?? '', /the loader does not find libcuda\.so\.1$/);
  });

  it('are notes where there is a GPU that nothing asked for', async () => {
    const found = await check(await machine('unused', { smi: card, libraries: ['libcuda.so.1'] }), false);
    assert.equal(found['NVIDIA driver']?.status, 'ok');
    assert.equal(found['CUDA provider']?.status, 'note');
  });

  it('know where onnxruntime-node has no CUDA', async () => {
    const places = await machine('mac', {});
    const found = await check({ ...places, platform: 'darwin/arm64' });
    assert.equal(found['CUDA provider']?.detail, 'onnxruntime-node has none for darwin/arm64');
    const without = await check({ ...places, onnxRuntime: undefined });
    assert.match(without['CUDA provider']?.remedy ?? '', /without --omit=optional/);
  });
});

describe('the tiny model', () => {
  it('runs on the processor', async () => {
    const run = await tinyRun('cpu', inference);
    assert.ok(run.isRight, JSON.stringify(run));
    assert.ok(run.listed.includes('cpu'));
  });

  it('says why it does not run', async () => {
    const run = await tinyRun('cpu', tmpdir());
    assert.ok(!run.isRight);
    assert.match(run.reason, /onnxruntime-node/);
  });
});
