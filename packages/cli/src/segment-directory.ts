import { stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { ServiceError, type SegmentResponse } from '@tessera/client';
import { cocoDocument } from './coco.js';
import { CommandFailure, UsageError } from './command-errors.js';
import { imagesBelow, unreadSentence } from './directory-images.js';
import { explain } from './explain.js';
import { inParallel } from './in-parallel.js';
import type { CommandContext } from './command.js';
import { keepOut, keepPhotos } from './keep-photos.js';
import { textOption } from './option-values.js';
import { printableLine } from './printable.js';
import { readImage } from './read-image.js';
import { write, writeMasks, writeOverlay } from './segment-files.js';
import { warningText, type Question } from './segment-question.js';

/**
 * Asks the same of every image below a directory. An image that cannot be read, or that the
 * service refuses, is reported and left out. When the service goes away, the annotations so far are written.
 *
 * @param parallel - requests at a time
 * @throws CommandFailure at the end when there were such images
 */
export async function segmentDirectory(
  directory: string,
  question: Question,
  parallel: number,
  context: CommandContext,
): Promise<void> {
  const { client, options, signal, print, say, progress } = context;
  const [out, overlay, coco] = ['out', 'overlay', 'coco'].map((name) => textOption(options, name));
  if (out === '-') throw new UsageError('--out - is for one image; for a directory, --out names a directory.');
  if (out === undefined && overlay === undefined && coco === undefined && options.json !== true) {
    throw new UsageError('For a directory, say what to write: --coco, --out, --overlay or --json.');
  }
  if (coco === '-' && options.json === true) {
    throw new UsageError('--coco - and --json both write on the standard output.');
  }
  const { images: paths, unread, visited } = await imagesBelow(directory);
  if (out !== undefined) await keepOut('out', out, visited);
  if (overlay !== undefined) await keepOut('overlay', overlay, visited);
  if (coco !== undefined && coco !== '-') await checkCocoFile(coco, visited);
  if (unread.length > 0) say(unreadSentence(unread));
  // A service that is away, or refuses the key, would fail for every image.
  await client.models({ signal });

  const answers = new Map<string, SegmentResponse>();
  let failures = 0;
  const writeCoco = async () => {
    if (coco === undefined) return;
    const categories = question.queries ?? [question.query ?? 'object'];
    const document = cocoDocument(
      categories,
      paths.map((path) => [path, answers.get(path)] as const),
    );
    const json = JSON.stringify(document);
    if (coco === '-') print(json);
    else await write(coco, `${json}\n`);
    const place = coco === '-' ? 'on the standard output' : `in ${coco}`;
    say(`${document.annotations.length} annotations of ${document.images.length} images are ${place}`);
  };
  const work = inParallel(paths, parallel, async (path) => {
    const output = { instances: true, ...(overlay === undefined ? {} : { overlay: 'jpeg' as const }) };
    try {
      const image = await readImage(join(directory, path), signal);
      const { overlay: picture, ...answer } = await client.segment({ image, ...question, output }, { signal });
      for (const result of answer.results)
        for (const warning of result.warnings) say(`${printableLine(path)}: ${warningText(result, warning)}`);
      if (options.json === true) print(JSON.stringify({ file_name: path, ...answer }));
      if (out !== undefined) await writeMasks(answer, join(out, `${path}.png`));
      if (overlay !== undefined)
        await writeOverlay({ ...answer, ...(picture && { overlay: picture }) }, join(overlay, `${path}.jpg`));
      answers.set(path, answer);
    } catch (error) {
      if (!ServiceError.isInstance(error) && !(error instanceof UsageError)) throw error;
      failures += 1;
      say(`${printableLine(path)}: ${explain(error)}`);
    }
    const done = answers.size + failures;
    progress(`${done} of ${paths.length} images`, done / paths.length);
  });
  await work.catch(async (error: unknown) => {
    // The answers so far may have taken hours.
    if (answers.size > 0 && !signal.aborted) await writeCoco();
    throw error;
  });
  if (coco === undefined) say(`${answers.size} images are done`);
  else await writeCoco();
  if (failures > 0) throw new CommandFailure(`${failures} of ${paths.length} images failed.`);
}

/**
 * @param visited - real paths of what is read
 * @throws UsageError when annotations cannot be written there, or would take the place of a photo
 */
async function checkCocoFile(coco: string, visited: ReadonlySet<string>): Promise<void> {
  const stats = await stat(coco).catch(() => undefined);
  if (stats?.isDirectory() === true) throw new UsageError(`--coco is a file, but ${coco} is a directory.`);
  await keepPhotos('coco', [coco], visited);
  // Annotations are often kept beside the photos, and are not taken for one.
  if (extname(coco).toLowerCase() !== '.json') await keepOut('coco', coco, visited);
}
