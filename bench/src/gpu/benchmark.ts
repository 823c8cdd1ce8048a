/**
 * Measures what a GPU makes of the models, in parts with a limit of time each, into a JSON file. `bench/gpu/run.sh` installs
 * what it needs and starts it.
 *
 *     node bench/dist/gpu/benchmark.js --python PYTHON [--cpu] [--small] [--out FILE]
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { repositoryRoot } from '@tessera/evaluation';
import { roundTo } from '@tessera/runtime';
import { prefillCases, shapes } from '../speed/prefill-shape.js';
import type { GpuResult, GpuSettings, PartResult } from './gpu-result.js';
import { describeMachine } from './machine.js';
import { runPart, type PartPlan } from './run-part.js';

/** Seconds of the parts; in the full form 430 in all. */
interface Limits {
  readonly prefill: number;
  readonly encoder: number;
  /** Of each of the two. */
  readonly service: number;
  /** Of it, while requests are counted. */
  readonly counted: number;
}

const precision = 'float16';
const forms: Readonly<Record<'full' | 'small', GpuSettings & { readonly limits: Limits }>> = {
  full: {
    language_model: 'llama-7b',
    image_tokens: 256,
    questions: [1, 4, 16],
    image_encoder: 'sam-vit-h',
    precision,
    clients: 16,
    max_batch: 8,
    limits: { prefill: 210, encoder: 80, service: 70, counted: 30 },
  },
  small: {
    language_model: 'tiny',
    image_tokens: 16,
    questions: [1, 4],
    image_encoder: 'sam-tiny',
    precision,
    clients: 2,
    max_batch: 2,
    limits: { prefill: 120, encoder: 120, service: 240, counted: 1 },
  },
};

const { values: flags } = parseArgs({
  options: {
    python: { type: 'string', default: 'python3' },
    cpu: { type: 'boolean', default: false },
    small: { type: 'boolean', default: false },
    out: { type: 'string', default: join(repositoryRoot, 'bench/results/gpu-benchmark.json') },
  },
});
const form = flags.small ? 'small' : 'full';
const provider = flags.cpu ? 'cpu' : 'cuda';
const { limits, ...settings } = forms[form];
const startedAt = performance.now();
const created = new Date().toISOString();
const parts: PartResult[] = [];
for (const plan of plans()) {
  console.error(`${plan.name}: at most ${plan.limitSeconds} s`);
  const part = await runPart(plan);
  console.error(part.error === undefined ? `  ${part.seconds.toFixed(0)} s` : `  failed: ${part.error}`);
  parts.push(part);
}
const seconds = (performance.now() - startedAt) / 1000;
const machine = await describeMachine();
const result: GpuResult = { created_at: created, form, provider, machine, settings, seconds, parts };
const out = resolve(flags.out);
await mkdir(dirname(out), { recursive: true });
const rounded = (_: string, value: unknown): unknown => (typeof value === 'number' ? roundTo(value, 3) : value);
await writeFile(out, `${JSON.stringify(result, rounded, 2)}\n`);
console.log(out);
// All that could be measured is in the file; the exit code says whether it is all there was to measure.
if (parts.some(({ error, rows }) => error !== undefined || rows.some((row) => 'error' in row))) process.exitCode = 1;

function plans(): PartPlan[] {
  const shape = shapes[settings.language_model];
  if (shape === undefined) throw new Error(`${settings.language_model} has no shape.`);
  const cases = prefillCases({ ...shape, imageTokens: settings.image_tokens });
  const prefill = ['--shape', settings.language_model, '--image-tokens', String(settings.image_tokens)];
  const questions = ['--questions', ...settings.questions.map(String), '--cases', JSON.stringify(cases)];
  const service = (batch: number) => ({
    name: batch === 1 ? 'service, batching off' : 'service, batching on',
    program: process.execPath,
    words: [
      'bench/dist/gpu/service-throughput.js',
      ...['--provider', provider, '--batch', String(batch)],
      ...['--clients', String(settings.clients), '--seconds', String(limits.counted)],
    ],
    cwd: repositoryRoot,
    environment: process.env,
    limitSeconds: limits.service,
  });
  return [
    python('prefill', [...prefill, ...questions], limits.prefill),
    python('encoder', ['--shape', settings.image_encoder], limits.encoder),
    service(1),
    service(settings.max_batch),
  ];
}

/** A part in Python; it plans its runs so that it ends before its limit. */
function python(name: string, words: readonly string[], limitSeconds: number): PartPlan {
  const training = join(repositoryRoot, 'training');
  const path = [training, process.env.PYTHONPATH ?? ''].filter((part) => part !== '').join(delimiter);
  return {
    name,
    program: flags.python,
    words: [
      ...['-m', 'tessera_export.time_graphs', name, '--provider', provider, '--precision', settings.precision],
      ...['--seconds', String(0.8 * limitSeconds), ...words],
    ],
    cwd: training,
    environment: { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: '1' },
    limitSeconds,
  };
}
