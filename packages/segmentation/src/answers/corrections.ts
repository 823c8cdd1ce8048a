import type { SegmentPrompt } from '@tessera/contracts';
import { boxArea, boxOverlap, type Box } from '../vision/box.js';
import type { MaskPrompt, PromptPoint } from '../vision/mask-prompt.js';
import type { ChosenObject } from './choice.js';

/** A client's box replaces the objects whose boxes overlap it by more than this. */
const sameObjectOverlap = 0.5;

/** A prompt in pixels as the mask decoder reads it. */
export function maskPrompt(
  { box, points }: SegmentPrompt,
  { width, height }: { readonly width: number; readonly height: number },
): MaskPrompt {
  const corners = ([x, y, w, h]: readonly [number, number, number, number]): Box => [
    x / width,
    y / height,
    (x + w) / width,
    (y + h) / height,
  ];
  const shares = points?.map(({ x, y, label }) => ({ x: x / width, y: y / height, isOnObject: label === 1 }));
  return { ...(box === undefined ? {} : { box: corners(box) }), ...(shares === undefined ? {} : { points: shares }) };
}

/**
 * The objects of a query's answer, corrected by a client's prompts:
 *
 * - a box, with its points, is an object, in place of those found in nearly the same box;
 * - a point on an object goes to the smallest found box that it is in; those of a prompt that are in none are a new
 *   object;
 * - a point beside it goes to every found box that it is in, and to its prompt's new object;
 * - an object that was found without a box is one that every point is in.
 */
export function correctObjects(objects: readonly ChosenObject[], prompts: readonly MaskPrompt[]): ChosenObject[] {
  const boxes = prompts.filter(({ box }) => box !== undefined);
  const found = objects.filter(
    ({ prompt }) => !boxes.some(({ box }) => box && prompt.box && boxOverlap(box, prompt.box) > sameObjectOverlap),
  );
  const added = new Map<ChosenObject, PromptPoint[]>();
  const pointedTo: MaskPrompt[] = [...boxes];
  for (const { box, points = [] } of prompts) {
    if (box !== undefined) continue;
    const loose: PromptPoint[] = [];
    for (const point of points) {
      const around = found.filter(({ prompt }) => prompt.box === undefined || isInside(point, prompt.box));
      const targets = point.isOnObject ? smallest(around) : around;
      for (const target of targets) added.set(target, [...(added.get(target) ?? []), point]);
      if (!point.isOnObject || targets.length === 0) loose.push(point);
    }
    if (loose.some(({ isOnObject }) => isOnObject)) pointedTo.push({ points: loose });
  }
  return [
    ...found.map((object) => {
      const points = added.get(object);
      return points === undefined ? object : withPoints(object, points);
    }),
    ...pointedTo.map(({ points, ...prompt }) => withPoints({ prompt, probability: undefined }, points)),
  ];
}

/** The points on an object are part of its prompt; those beside it are kept apart. */
function withPoints(object: ChosenObject, points: readonly PromptPoint[] = []): ChosenObject {
  const on = points.filter(({ isOnObject }) => isOnObject);
  const beside = points.filter(({ isOnObject }) => !isOnObject);
  return {
    ...object,
    prompt: on.length === 0 ? object.prompt : { ...object.prompt, points: on },
    ...(beside.length === 0 ? {} : { beside }),
  };
}

function smallest(objects: readonly ChosenObject[]): ChosenObject[] {
  const areaOf = ({ prompt: { box } }: ChosenObject): number => (box === undefined ? 0 : boxArea(box));
  return [...objects].sort((a, b) => areaOf(a) - areaOf(b)).slice(0, 1);
}

function isInside({ x, y }: PromptPoint, [x0, y0, x1, y1]: Box): boolean {
  return x >= x0 && x <= x1 && y >= y0 && y <= y1;
}
