/**
 * `npm run bench:pruning`: the study of token pruning on val photos, written to `docs/reference/pruning-benchmark.md` with
 * its plots. With `-- --choose` it chooses the shipped schedule instead, on train photos, prints the tables that it chose
 * from and writes the schedule for the next build of the bundle; with `-- --gate` it runs the gate alone.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { InferenceRunner } from '@tessera/inference';
import type { Runtime } from './model-runtime.js';
import { choosePruning } from './pruning-choice.js';
import { studyLatency } from './pruning-latency.js';
import { pruningPage, pruningPlots } from './pruning-page.js';
import { gateLine, studyGate, studyQuality } from './pruning-study.js';
import { ReasonerEvaluation, withReasoner } from './reasoner-evaluation.js';
import { writePruning } from './reasoner-settings.js';
import { runCommand } from './run-command.js';
import { repositoryRoot } from './shared-data.js';

const { values: argumentsGiven } = parseArgs({
  options: { choose: { type: 'boolean', default: false }, gate: { type: 'boolean', default: false } },
});
const log = (text: string): void => {
  console.log(text);
};

await runCommand(() => withReasoner(argumentsGiven.choose ? choose : argumentsGiven.gate ? gate : study));

async function choose(runtime: Runtime): Promise<void> {
  const evaluation = await ReasonerEvaluation.create(runtime, 'train', 'shapes');
  const pruning = await choosePruning(evaluation, log);
  await writePruning(pruning);
  log(JSON.stringify(pruning));
}

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
