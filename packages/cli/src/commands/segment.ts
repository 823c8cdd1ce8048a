import { realpath, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import type { SegmentPrompt, SegmentResponse } from '@tessera/client';
import { percent } from '@tessera/runtime';
import { UsageError } from '../command-errors.js';
import type { Command, CommandContext, OptionValues } from '../command.js';
import { keepPhotos } from '../keep-photos.js';
import { listOption, numberOption, numbersOf, textOption } from '../option-values.js';
import { isUrl, readImage } from '../read-image.js';
import { segmentDirectory } from '../segment-directory.js';
import { maskPaths, maskPng, overlayFormat, writeMasks, writeOverlay } from '../segment-files.js';
import { segmentationOptions } from '../segmentation-options.js';
import { warningText, type Question } from '../segment-question.js';
import { table } from '../tables.js';

export const segment: Command = {
  usage: 'segment <image|directory> [query...]',
  summary: 'Find what a sentence describes, in one image or in all images of a directory',
  details:
    'An image is a file, an http(s) URL, or - for the standard input. --box and --point select an object in place of a query, or correct the answer to one.\nFor a directory, --out and --overlay name directories, and --coco writes one file with a mask per object.',
  examples: [
    [
      'tessera segment photo.jpg "the dog" --out mask.png --overlay overlay.jpg',
      'the mask, and the photo with it painted in',
    ],
    ['tessera segment photo.jpg "the dog" "the red car" --out mask.png', 'two masks: mask-1.png and mask-2.png'],
    ['tessera segment photo.jpg --point 320,240 --out mask.png', 'the object at a pixel'],
    ['tessera segment photo.jpg "the dog" --json', 'the whole answer, the mask as COCO RLE'],
    ['curl -s $URL | tessera segment - "the dog" --out - > mask.png', 'from the standard input to the standard output'],
    ['tessera segment photos/ "the dog" --coco annotations.json', 'every dog in every photo, as COCO annotations'],
  ],
  positionals: { min: 1, max: 17 },
  options: {
    out: { type: 'string', short: 'o' },
    overlay: { type: 'string' },
    coco: { type: 'string' },
    json: { type: 'boolean', default: false },
    box: { type: 'string', multiple: true },
    point: { type: 'string', multiple: true },
    'not-point': { type: 'string', multiple: true },
    model: { type: 'string' },
    pruning: { type: 'string' },
    reduction: { type: 'string' },
    threshold: { type: 'string' },
    coarse: { type: 'boolean', default: false },
    parallel: { type: 'string', default: '2' },
  },
  optionHelp: {
    out: 'write the mask to this PNG file, white inside; several masks get a number each; - is the standard output',
    overlay: 'write the image with the masks painted over it to this JPEG or PNG file',
    coco: 'write COCO annotations of a directory to this JSON file; - is the standard output',
    json: 'print the answer as JSON; for a directory one line per image',
    box: 'x,y,width,height in pixels: what is in this box; may be repeated',
    point: 'x,y in pixels: what is at this point; several points select one object',
    'not-point': 'x,y in pixels: a point beside that object; may be repeated',
    model: 'a segmentation model from `tessera models`; otherwise the default',
    pruning: 'how image tokens are left out: off, csp, or an experimental method',
    reduction: 'share of the work on image tokens to save, from 0 to 0.9',
    threshold: 'least probability at which something counts as present (0.5)',
    coarse: 'rough shapes, in a fraction of the time',
    parallel: 'requests at a time, for a directory (2)',
  },
  async run(context) {
    const { positionals, options } = context;
    const [image = '', ...queries] = positionals;
    const question = questionOf(queries, options);
    await refuseFiles(queries);
    const parallel = numberOption(options, 'parallel', { min: 1, max: 64, isInteger: true }) ?? 1;
    if (await isDirectory(image)) await segmentDirectory(image, question, parallel, context);
    else await segmentImage(image, question, context);
  },
};

/** @throws UsageError for a query that is the name of a file, as a shell makes several of `*.jpg` */
async function refuseFiles(queries: readonly string[]): Promise<void> {
  for (const query of queries) {
    const stats = await stat(query).catch(() => undefined);
    if (stats?.isFile() === true) {
      throw new UsageError(
        `"${query}" is a file, not what to find. If something of that name is to be found, put "the" before it. To ask about several photos, name their directory: tessera segment photos/ "the dog" --out masks/`,
      );
    }
  }
}

/** @throws UsageError when there is nothing of this name */
async function isDirectory(image: string): Promise<boolean> {
  if (image === '-' || isUrl(image)) return false;
  const stats = await stat(image).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    const isMissing = code === 'ENOENT' || code === 'ENOTDIR';
    throw new UsageError(isMissing ? `There is no file or directory "${image}".` : `${image} cannot be read.`);
  });
  return stats.isDirectory();
}

async function segmentImage(image: string, question: Question, context: CommandContext): Promise<void> {
  const { client, options, signal, say, progress } = context;
  const [out, overlay] = [textOption(options, 'out'), textOption(options, 'overlay')];
  if (options.coco !== undefined) throw new UsageError('--coco is for a directory of images.');
  if (out === '-') requireOneResult(question, options);
  else if (out !== undefined && extname(out).toLowerCase() !== '.png')
    throw new UsageError(`--out is a .png file, or - for the standard output, not "${out}".`);
  const masks = out === undefined || out === '-' ? [] : maskPaths(out, resultCount(question));
  if (overlay !== undefined) requireOtherFile(overlay, masks);
  const output = overlay === undefined ? {} : { output: { overlay: overlayFormat(overlay) } };
  if (image !== '-' && !isUrl(image)) {
    // The pipe of a shell's `<(…)` has no real path.
    const read = new Set([await realpath(image).catch(() => image)]);
    await keepPhotos('out', masks, read);
    await keepPhotos('overlay', overlay === undefined ? [] : [overlay], read);
  }
  const answer = await client.segment(
    { image: await readImage(image, signal), ...question, ...output },
    {
      signal,
      onUpdate: ({ event, data }) => {
        if (event === 'status' && data.status === 'queued') progress(`waiting, ${data.position ?? 0} jobs ahead`);
        else if (event === 'progress') progress(data.stage, data.fraction);
      },
    },
  );
  for (const result of answer.results) for (const warning of result.warnings) say(warningText(result, warning));
  show(answer, out, context);
  if (out !== undefined && out !== '-') for (const path of await writeMasks(answer, out)) say(`The mask is in ${path}`);
  if (overlay !== undefined) {
    await writeOverlay(answer, overlay);
    say(`The overlay is in ${overlay}`);
  }
}

/** Prints the answer; a mask on the standard output takes its place there. */
function show(answer: SegmentResponse, out: string | undefined, { options, print, say, write }: CommandContext): void {
  if (out === '-') {
    say(resultTable(answer));
    for (const result of answer.results) write(maskPng(result));
  } else print(options.json === true ? JSON.stringify(answer, null, 2) : resultTable(answer));
}

/** How many masks answer a question. */
function resultCount({ query, queries, prompts = [] }: Question): number {
  return queries?.length ?? (query === undefined ? prompts.length : 1);
}

/** @throws UsageError when the overlay would take the place of a mask */
function requireOtherFile(overlay: string, masks: readonly string[]): void {
  const mask = masks.find((path) => resolve(path) === resolve(overlay));
  if (mask !== undefined) throw new UsageError(`--out and --overlay both write ${mask}: name two files.`);
}

/** @throws UsageError when there is more than one mask to write on the standard output */
function requireOneResult(question: Question, options: OptionValues): void {
  if (options.json === true) throw new UsageError('--out - and --json both write on the standard output.');
  if (resultCount(question) > 1) {
    throw new UsageError('--out - is for one mask: ask for one object, or name a file.');
  }
}

/** @throws UsageError unless there are queries or prompts that go together */
function questionOf(queries: readonly string[], options: OptionValues): Question {
  if (queries.some((query) => query.trim() === '')) throw new UsageError('A query is empty: say what to find.');
  const prompts = promptsOf(options);
  if (queries.length === 0 && prompts.length === 0) {
    throw new UsageError('What to find is missing: a sentence such as "the dog", or --box or --point.');
  }
  if (queries.length > 1 && prompts.length > 0) throw new UsageError('--box and --point go with one query at most.');
  return {
    ...(queries.length === 1 ? { query: queries[0] ?? '' } : {}),
    ...(queries.length > 1 ? { queries: [...queries] } : {}),
    ...(prompts.length > 0 ? { prompts } : {}),
    ...segmentationOptions(options),
    ...(options.coarse === true ? { refine: false } : {}),
  };
}

/** Every box is a prompt of its own; points are one, together with the box when there is one. */
function promptsOf(options: OptionValues): SegmentPrompt[] {
  const boxes = listOption(options, 'box').map((text) => {
    const [x = 0, y = 0, width = 0, height = 0] = numbersOf(text, 'box', 'x,y,width,height');
    if (x < 0 || y < 0 || width <= 0 || height <= 0)
      throw new UsageError(`--box has its corner in the image, and a width and a height above 0, not "${text}".`);
    return { box: [x, y, width, height] as [number, number, number, number] };
  });
  const pointsOf = (name: string, label: 0 | 1) =>
    listOption(options, name).map((text) => {
      const [x = 0, y = 0] = numbersOf(text, name, 'x,y');
      if (x < 0 || y < 0) throw new UsageError(`--${name} is in the image, not at "${text}".`);
      return { x, y, label };
    });
  const points = [...pointsOf('point', 1), ...pointsOf('not-point', 0)];
  if (points.length === 0) return boxes;
  if (boxes.length > 1) throw new UsageError('--point goes with one --box at most.');
  return [{ ...boxes[0], points }];
}

function resultTable({ results }: SegmentResponse): string {
  const rows = results.map(({ query, present, score, label, area, bbox }) => [
    query ?? 'box or point',
    present ? 'yes' : 'no',
    `${percent(score)} %`,
    label ?? '',
    `${area}`,
    bbox.join(','),
  ]);
  return table([['Asked for', 'Present', 'Score', 'Found as', 'Pixels', 'Box x,y,w,h'], ...rows]);
}
