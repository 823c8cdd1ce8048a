/**
 * `npm run bench:composition`: the study of compositional classification, kept in `bench/results` and shown by
 * `docs/reference/compositional-benchmark.md`. With `-- --quick` it takes few photos, one seed and few attributes, and prints
 * the page instead: to see that it runs.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { createCompositionModel } from '@tessera/dual-encoder';
import { atMost, readApparel, runCommand, withRuntime } from '@tessera/evaluation';
import { publish, renderTemplate } from '../pages/write-page.js';
import { runApparel, runMixed, runPatterns } from './cases.js';
import { compositionalResult, type CompositionalResults } from './result.js';
import type { ScaleFigures } from './scale.js';

const study = 'compositional-benchmark';
const { values: flags } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const seeds = flags.quick ? [0] : [0, 1, 2];
const quickPhotosPerPair = 12;
const quickAttributes = 8;

await runCommand(async () => {
  const results = await withRuntime(
    'tessera-dual',
    async ({ bundle, runner }): Promise<Omit<CompositionalResults, 'scale' | 'filteredScale'>> => {
      const everyPhoto = await readApparel();
      const photos = flags.quick ? atMost(everyPhoto, quickPhotosPerPair) : everyPhoto;
      const model = await createCompositionModel(bundle, runner);
      const apparel = await logged('product photos', () => runApparel(model, photos, seeds));
      const patterned = await logged('two attributes', () => runPatterns(model, photos, seeds));
      const mixed = await logged('mixed vocabularies', () => runMixed(model, photos, seeds));
      return { seeds, apparel, patterned, mixed };
    },
  );
  const limit = flags.quick ? [`--attributes=${quickAttributes}`] : [];
  const scale = await logged('open world', () => measureScale(limit));
  const filteredScale = await logged('feasible pairs', () =>
    measureScale([...limit, `--threshold=${scale.usefulThreshold}`]),
  );

  const result = compositionalResult({ ...results, scale, filteredScale });
  if (flags.quick) console.log(await renderTemplate(study, result));
  else await publish(study, result);
});

/** Runs `scale.ts` as a process of its own. */
async function measureScale(parameters: readonly string[]): Promise<ScaleFigures> {
  const script = fileURLToPath(new URL('scale.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...parameters]);
  return JSON.parse(stdout) as ScaleFigures;
}

async function logged<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  const result = await work();
  console.error(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  return result;
}
