import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { startProcess } from '../support/process.js';
import { trainingPython, trainingSkipReason } from '../support/python.js';

interface Part {
  readonly name: string;
  readonly error?: string;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

const options = { skip: trainingSkipReason, timeout: 900_000 };

it('`bench/gpu/run.sh` measures every part, on the processor with tiny models', options, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tessera-gpu-'));
  const out = join(directory, 'result.json');
  const words = ['--cpu', '--small', '--out', out, '--python', trainingPython];
  const command = startProcess('bench/gpu/run.sh', words);
  assert.equal(await command.exitCode(), 0, command.output());
  const { parts, provider, form, machine } = JSON.parse(await readFile(out, 'utf8')) as {
    readonly parts: readonly Part[];
    readonly provider: string;
    readonly form: string;
    readonly machine: { readonly node: string; readonly onnxruntime_node: string };
  };
  await rm(directory, { recursive: true });
  assert.deepEqual([provider, form, machine.node], ['cpu', 'small', process.versions.node]);
  assert.match(machine.onnxruntime_node, /^\d+\.\d+\.\d+$/);
  assert.deepEqual(
    parts.map(({ name, error }) => [name, error]),
    ['prefill', 'encoder', 'service, batching off', 'service, batching on'].map((name) => [name, undefined]),
  );
  const [prefill, encoder, off, on] = parts.map(({ rows }) => rows);
  assert.equal(prefill?.[0]?.provider, 'CPUExecutionProvider');
  assert.deepEqual(
    prefill.slice(1).map((row) => [row.questions, row.case]),
    [1, 4].flatMap((questions) => ['off', 'csp 65 %', 'csp 70 %'].map((name) => [questions, name])),
  );
  for (const row of [...prefill.slice(1), ...(encoder ?? []).slice(1)])
    assert.ok(Number(row.ms) > 0, JSON.stringify(row));
  for (const [rows, batch] of [[off, 1] as const, [on, 2] as const]) {
    const [row] = rows ?? [];
    assert.deepEqual([row?.provider, row?.max_batch], ['cpu', batch]);
    assert.ok(Number(row?.per_second) > 0, JSON.stringify(row));
  }
});
