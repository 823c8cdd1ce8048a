import type { BoxSegmentationSettings, SegmentOptions, SegmentQueryResult } from '@tessera/contracts';
import type { Box } from '../vision/box.js';
import type { SquareLogits } from './mask-upsampling.js';
import type { ObjectChoice } from './object-choice.js';
import type { RequestImage } from '../vision/request-image.js';
import { ResultPainter } from './result-painter.js';
import type { Stopwatch } from '../stopwatch.js';
import type { SeenSize, Vision } from '../vision/vision.js';

/** What was chosen for the queries of one request. */
export interface ChosenAnswers {
  readonly image: RequestImage;
  readonly seen: SeenSize;
  readonly queries: readonly string[];
  /** One per query. Objects that are the same have the same box, not just an equal one. */
  readonly choices: readonly ObjectChoice[];
  readonly options: SegmentOptions;
}

/** Turns the boxes that were chosen for queries into masks: by SAM, or the usual shape of a region. */
export async function answerQueries<Found>(
  vision: Vision<Found>,
  settings: BoxSegmentationSettings,
  { image, seen, queries, choices, options }: ChosenAnswers,
  stopwatch: Stopwatch,
): Promise<SegmentQueryResult[]> {
  const boxes = options.refine === false ? [] : boxesToRefine(choices, settings.maximum_refined_objects);
  const logits = await vision.segmentBoxes(image, seen, boxes, stopwatch);
  const refined = new Map<Box, SquareLogits>();
  for (const [index, box] of boxes.entries()) {
    const mask = logits[index];
    if (mask !== undefined) refined.set(box, mask);
  }

  const painter = new ResultPainter(seen, refined, settings.region_shape_exponent, options.output ?? {});
  const results: SegmentQueryResult[] = [];
  for (const [index, choice] of choices.entries()) {
    const fraction = 0.9 + (0.1 * index) / choices.length;
    results.push(await stopwatch.measure('mask', fraction, () => painter.result(queries[index] ?? '', choice)));
  }
  return results;
}

/**
 * The boxes that are worth refining, each once: the best object of every query, then the second ones, …, so that no query
 * for a crowd takes the others' share. Objects in the same place go by probability.
 */
export function boxesToRefine(choices: readonly ObjectChoice[], limit: number): Box[] {
  const objects = choices
    .flatMap((choice) => choice.objects.map((object, place) => ({ ...object, place })))
    .sort((a, b) => a.place - b.place || b.probability - a.probability);
  return [...new Set(objects.map(({ box }) => box))].slice(0, limit);
}
