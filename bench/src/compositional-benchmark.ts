import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { drawSeenUnseenCurves } from '@tessera/composition';
import { createCompositionModel } from '@tessera/dual-encoder';
import { runApparel, runMixed, runPatterns, type MethodRow } from './compositional-cases.js';
import { compositionalPage, curveFiles, type CompositionalResults } from './compositional-page.js';
import { atMost, readApparel } from './compositional-photos.js';
import type { ScaleFigures } from './compositional-scale-figures.js';
import { repositoryRoot, runCommand, withRuntime } from '@tessera/evaluation';

/**
 * `npm run bench:composition`: measures compositional classification and writes its page and curves to `docs/reference`.
 * With `--quick` it takes few photos, one seed and few attributes, and prints the page instead: to see that it runs.
 */
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

  const page = compositionalPage({ ...results, scale, filteredScale });
  if (flags.quick) {
    console.log(page);
    return;
  }
  const directory = join(repositoryRoot, 'docs', 'reference');
  await writeFile(join(directory, 'compositional-benchmark.md'), page);
  const curves: [file: string, title: string, rows: readonly MethodRow[]][] = [
    [curveFiles.closed, 'Colour and garment, closed world', results.apparel.closed],
    [curveFiles.open, 'Colour and garment, open world', results.apparel.open],
    [curveFiles.patterned, 'Pattern, colour and garment', results.patterned.closed],
  ];
  for (const [file, title, rows] of curves) {
    const series = rows.flatMap(({ name, evaluations: [evaluation] }) =>
      evaluation === undefined ? [] : [{ name, evaluation }],
    );
    await writeFile(join(directory, file), drawSeenUnseenCurves(title, series));
  }
});

/** Runs `compositional-scale.ts` as a process of its own. */
async function measureScale(parameters: readonly string[]): Promise<ScaleFigures> {
  const script = fileURLToPath(new URL('compositional-scale.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...parameters]);
  return JSON.parse(stdout) as ScaleFigures;
}

async function logged<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  const result = await work();
  console.error(`${what}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  return result;
}
