/**
 * `npm run bench:pruning`: the study of token pruning on val photos, written to `docs/reference/pruning-benchmark.md` with
 * its plots; with `-- --gate` it runs the gate alone.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { InferenceRunner } from '@tessera/inference';
import { ReasonerEvaluation, repositoryRoot, runCommand, type Runtime, withReasoner } from '@tessera/evaluation';
import { studyLatency } from './pruning-latency.js';
import { pruningPage, pruningPlots } from './pruning-page.js';
import { gateLine, studyGate, studyQuality } from './pruning-study.js';

const { values: argumentsGiven } = parseArgs({
  options: { gate: { type: 'boolean', default: false } },
});
const log = (text: string): void => {
  console.log(text);
};

await runCommand(() => withReasoner(argumentsGiven.gate ? gate : study));

async function gate(runtime: Runtime): Promise<void> {
  const evaluation = await ReasonerEvaluation.create(runtime, 'val', 'segmented');
  log(gateLine(await studyGate(evaluation, await evaluation.evaluate(evaluation.segmenter.plan({ mode: 'off' })))));
}

async function study(runtime: Runtime, uncached: InferenceRunner): Promise<void> {
  const evaluation = await ReasonerEvaluation.create(runtime, 'val', 'segmented');
  const quality = await studyQuality(evaluation, runtime.bundle, log);
  const timed = await ReasonerEvaluation.create({ ...runtime, runner: uncached }, 'val', 'segmented');
  const latency = await studyLatency(timed);
  const result = { quality, latency, pruning: evaluation.settings.pruning };

  const output = join(repositoryRoot, 'bench', 'out');
  await mkdir(output, { recursive: true });
  await writeFile(join(output, 'pruning.json'), JSON.stringify(result, null, 1));
  const reference = join(repositoryRoot, 'docs', 'reference');
  await writeFile(join(reference, 'pruning-benchmark.md'), pruningPage(result));
  for (const [file, svg] of Object.entries(pruningPlots(result))) await writeFile(join(reference, file), svg);
  log(join(reference, 'pruning-benchmark.md'));
}
