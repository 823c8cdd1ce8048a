/**
 * Evaluates bundles on the annotated COCO photos of the shared data: `npm run eval:segment`, with
 * `-- --split train|val`, `--model NAME` (repeatable; the first is what the others are compared with; all built ones
 * unless given), `--set first|context` (all queries unless given), `--free` (the free wordings about the val photos), `--no-refine`, `--no-sheet`;
 * `--document` also writes the figures to the model card of `tessera-mini`.
 */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  loadCocoSplit,
  loadQuerySet,
  modelDirectory,
  querySets,
  repositoryRoot,
  runCommand,
  splits,
  targetMask,
  withRuntime,
  writeSection,
  type CocoSplit,
  type PhotoQueries,
  type Split,
} from '@tessera/evaluation';
import { decodeRle, intersectionAndUnion } from '@tessera/masks';
import { createSegmenter, type Segmenter } from '@tessera/segmentation';
import { writeContactSheet } from './contact-sheet.js';
import { honestyLine, outcomeTable, timingLine, type ModelOutcomes, type Outcome } from './eval-report.js';

const { values: flags } = parseArgs({
  options: {
    split: { type: 'string', default: 'val' },
    model: { type: 'string', multiple: true },
    set: { type: 'string' },
    free: { type: 'boolean', default: false },
    'no-refine': { type: 'boolean', default: false },
    'no-sheet': { type: 'boolean', default: false },
    document: { type: 'boolean', default: false },
  },
});
const split = splits.find((name) => name === flags.split);
const set = querySets.find((name) => name === flags.set);
const refine = !flags['no-refine'];
const output = join(repositoryRoot, 'bench', 'out');

if (split === undefined || (flags.set !== undefined && set === undefined)) {
  console.error(`--split is one of ${splits.join(', ')}; --set is one of ${querySets.join(', ')}`);
  process.exitCode = 2;
} else {
  await runCommand(() => evaluate(split));
}

async function evaluate(chosenSplit: Split): Promise<void> {
  const built = ['tessera-baseline', 'tessera-mini'].filter((name) => existsSync(modelDirectory(name)));
  const coco = await loadCocoSplit(chosenSplit);
  const asked = flags.free ? 'free' : chosenSplit;
  const querySet = (await loadQuerySet(asked)).map(({ photo, queries }) => ({
    photo,
    queries: queries.filter((query) => set === undefined || query.set === set),
  }));
  await mkdir(output, { recursive: true });
  const models: ModelOutcomes[] = [];
  for (const model of flags.model ?? built) {
    const answers = await ask(model, coco, querySet);
    models.push(answers);
    const name = `eval-segment-${model}-${asked}${refine ? '' : '-no-refine'}`;
    await writeRows(name, answers);
    if (!flags['no-sheet']) await writeContactSheet(output, name, coco, answers.outcomes);
  }
  const figures = [outcomeTable(models), '', ...models.flatMap(honestyLine), ...models.map(timingLine)].join('\n');
  const title = `## ${chosenSplit}2017${flags.free ? ', free wordings' : ''}, ${refine ? 'refined' : 'region shapes'}`;
  const report = `${title}\n\nWith 95 % confidence intervals, bootstrap over photos.\n\n${figures}\n`;
  console.log(report);
  await writeFile(join(output, `eval-segment-${asked}${refine ? '' : '-no-refine'}.md`), report);
  if (flags.document) await writeSection('docs/reference/tessera-mini.md', flags.free ? 'free' : 'results', figures);
}

async function writeRows(name: string, { outcomes }: ModelOutcomes): Promise<void> {
  const rows = outcomes.map(({ photo, query: { text, kind, set }, result: { score, present, warnings }, overlap }) => {
    return { photo: photo.id, text, kind, set, score, present, ...overlap, warnings };
  });
  await writeFile(join(output, `${name}.json`), JSON.stringify(rows, null, 1));
}

/** Every query is a request of its own, so that no answer depends on what else was asked. */
function ask(model: string, coco: CocoSplit, querySet: readonly PhotoQueries[]): Promise<ModelOutcomes> {
  return withRuntime(model, async ({ bundle, runner }) => {
    const segmenter = await createSegmenter(bundle, runner);
    const outcomes: Outcome[] = [];
    const timings: number[][] = [];
    await warmUp(segmenter, coco);
    for (const { photo: photoId, queries } of querySet) {
      const photo = coco.photos.find(({ id }) => id === photoId);
      if (photo === undefined) throw new Error(`bench/queries asks about the unknown photo ${photoId}.`);
      const image = { id: photo.fileName, read: () => coco.readPhoto(photo) };
      const timesMs: number[] = [];
      for (const query of queries) {
        const start = performance.now();
        const [result] = (await segmenter.segment(image, { queries: [query.text], options: { refine } })).results;
        timesMs.push(performance.now() - start);
        if (result === undefined || !('counts' in result.mask))
          throw new Error('A query was not answered with an RLE.');
        const target = targetMask(photo, query.annotations, query.ignored);
        outcomes.push({ photo, query, result, overlap: intersectionAndUnion(decodeRle(result.mask), target) });
      }
      timings.push(timesMs);
    }
    return { model, outcomes, timings };
  });
}

/** The first runs of a process allocate their memory; they are not what a user waits for. */
async function warmUp(segmenter: Segmenter, coco: CocoSplit): Promise<void> {
  const [photo] = coco.photos;
  if (photo === undefined) return;
  await segmenter.segment(
    { id: 'warm-up', read: () => coco.readPhoto(photo) },
    {
      queries: ['person'],
      options: { refine, threshold: 0 },
    },
  );
}
