/**
 * `npm run bench:pruning`: the study of token pruning on val photos, kept in `bench/results` and shown by
 * `docs/reference/pruning-benchmark.md`; with `-- --gate` it runs the gate alone.
 */
import { parseArgs } from 'node:util';
import { ReasonerEvaluation, runCommand, withReasoner, type Runtime } from '@tessera/evaluation';
import type { InferenceRunner } from '@tessera/inference';
import { publish } from '../pages/write-page.js';
import { studyLatency } from './latency.js';
import { studyGate, studyQuality } from './quality.js';
import { pruningResult } from './result.js';

const { values: flags } = parseArgs({ options: { gate: { type: 'boolean', default: false } } });

await runCommand(() => withReasoner(flags.gate ? gate : study));

async function gate(runtime: Runtime): Promise<void> {
  console.log(await studyGate(await ReasonerEvaluation.create(runtime, 'val', 'segmented')));
}

async function study(runtime: Runtime, uncached: InferenceRunner): Promise<void> {
  const evaluation = await ReasonerEvaluation.create(runtime, 'val', 'segmented');
  const quality = await studyQuality(evaluation, runtime.bundle);
  const latency = await studyLatency({ ...runtime, runner: uncached });
  await publish('pruning-benchmark', pruningResult(quality, latency, evaluation.settings.pruning));
}
