/**
 * Evaluates a bundle on the annotated COCO photos of the shared data:
 * `npm run eval:segment -- --split val --model tessera-baseline [--no-refine] [--no-sheet]`.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decodeRle, intersectionAndUnion } from '@tessera/masks';
import { createSegmenter, type Segmenter } from '@tessera/segmentation';
import { loadCocoSplit, splits, targetMask, type CocoPhoto, type CocoSplit, type Split } from './coco-split.js';
import { writeContactSheet } from './contact-sheet.js';
import { markdownReport, summarize, type Outcome, type PhotoTiming } from './eval-report.js';
import { withRuntime } from './model-runtime.js';
import { loadQuerySet, type Query } from './query-set.js';
import { runCommand } from './run-command.js';
import { repositoryRoot } from './shared-data.js';

const { values: argumentsGiven } = parseArgs({
  options: {
    split: { type: 'string', default: 'val' },
    model: { type: 'string', default: 'tessera-baseline' },
    'no-refine': { type: 'boolean', default: false },
    'no-sheet': { type: 'boolean', default: false },
  },
});
const split = splits.find((name) => name === argumentsGiven.split);
const refine = !argumentsGiven['no-refine'];

if (split === undefined) {
  console.error(`--split is one of ${splits.join(', ')}`);
  process.exitCode = 2;
} else {
  await runCommand(() => evaluate(split));
}

async function evaluate(chosenSplit: Split): Promise<void> {
  const { model } = argumentsGiven;
  const coco = await loadCocoSplit(chosenSplit);
  const querySet = await loadQuerySet(chosenSplit);
  const outcomes: Outcome[] = [];
  const timings: PhotoTiming[] = [];
  await withRuntime(model, async ({ bundle, runner }) => {
    const segmenter = await createSegmenter(bundle, runner);
    await warmUp(segmenter, coco);
    for (const { photo: photoId, queries } of querySet) {
      const photo = coco.photos.find(({ id }) => id === photoId);
      if (photo === undefined)
        throw new Error(`bench/queries/${chosenSplit}.json asks about the unknown photo ${photoId}.`);
      const { answers, timing } = await ask(segmenter, coco, photo, queries);
      outcomes.push(...answers);
      timings.push(timing);
    }
  });

  const summary = summarize(outcomes, timings);
  const title = `${model}, ${chosenSplit}2017, ${refine ? 'refined' : 'region shapes'}`;
  const report = markdownReport(title, summary);
  console.log(report);

  const output = join(repositoryRoot, 'bench', 'out');
  const name = `eval-segment-${model}-${chosenSplit}${refine ? '' : '-no-refine'}`;
  await mkdir(output, { recursive: true });
  await writeFile(join(output, `${name}.md`), report);
  const rows = outcomes.map(({ photo, query, result, overlap }) => ({
    photo: photo.id,
    text: query.text,
    kind: query.kind,
    score: result.score,
    present: result.present,
    ...overlap,
    warnings: result.warnings,
  }));
  await writeFile(join(output, `${name}.json`), JSON.stringify({ title, summary, rows }, null, 1));
  if (!argumentsGiven['no-sheet']) await writeContactSheet(output, name, coco, outcomes);
}

/** The first runs of a process allocate their memory; they are not what a user waits for. */
async function warmUp(segmenter: Segmenter, coco: CocoSplit): Promise<void> {
  const [photo] = coco.photos;
  if (photo === undefined) return;
  await segmenter.segment({ id: 'warm-up', read: () => coco.readPhoto(photo) }, ['person'], { refine, threshold: 0 });
}

/** One query as a request of its own, for the latency that a user sees; then all of the photo's queries at once. */
async function ask(
  segmenter: Segmenter,
  coco: CocoSplit,
  photo: CocoPhoto,
  queries: readonly Query[],
): Promise<{ answers: Outcome[]; timing: PhotoTiming }> {
  const image = { id: photo.fileName, read: () => coco.readPhoto(photo) };
  const texts = queries.map(({ text }) => text);
  const start = performance.now();
  await segmenter.segment(image, texts.slice(0, 1), { refine });
  const firstMs = performance.now() - start;
  const restStart = performance.now();
  const { results } = await segmenter.segment(image, texts, { refine });
  const nextMs = (performance.now() - restStart) / queries.length;
  const answers = queries.flatMap((query, index): Outcome[] => {
    const result = results[index];
    if (result === undefined || !('counts' in result.mask)) throw new Error('A query was not answered with an RLE.');
    const prediction = decodeRle(result.mask);
    const overlap = intersectionAndUnion(prediction, targetMask(photo, query.annotations, query.ignored));
    return [{ photo, query, result, overlap }];
  });
  return { answers, timing: { firstMs, nextMs } };
}
