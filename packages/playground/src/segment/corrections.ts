import type { SegmentPrompt } from '@tessera/client';

/** `[x, y, width, height]` in pixels of the photo. */
export type Box = readonly [x: number, y: number, width: number, height: number];

/** What a person points to on the photo; coordinates in its pixels. */
export type Correction =
  | { readonly kind: 'point'; readonly x: number; readonly y: number; readonly label: 0 | 1 }
  | { readonly kind: 'box'; readonly box: Box };

/** Corrections of one object, without words: one prompt; a later box takes the place of an earlier one. */
export function objectPrompt(corrections: readonly Correction[]): SegmentPrompt {
  const points = corrections.filter((one) => one.kind === 'point');
  const box = corrections.findLast((one) => one.kind === 'box');
  return {
    ...(box === undefined ? {} : { box: [...box.box] }),
    ...(points.length === 0 ? {} : { points: points.map(({ x, y, label }) => ({ x, y, label })) }),
  };
}

/** Whether the service takes the corrections without words: one of them has to be on an object. */
export function namesAnObject(corrections: readonly Correction[]): boolean {
  return corrections.some((one) => one.kind === 'box' || one.label === 1);
}

/**
 * Corrections of an answer to words: every box and every point on an object is a prompt, because each may mean an object
 * of its own. A point beside an object goes with the nearest point on one, so that it also corrects an object which that
 * point has added.
 */
export function answerPrompts(corrections: readonly Correction[]): SegmentPrompt[] {
  const prompts: SegmentPrompt[] = [];
  const beside: { x: number; y: number; label: 0 }[] = [];
  for (const one of corrections) {
    if (one.kind === 'box') prompts.push({ box: [...one.box] });
    else if (one.label === 1) prompts.push({ points: [{ x: one.x, y: one.y, label: 1 }] });
    else beside.push({ x: one.x, y: one.y, label: 0 });
  }
  for (const point of beside) {
    const nearest = nearestPrompt(prompts, point);
    if (nearest?.points === undefined) prompts.push({ points: [point] });
    else nearest.points.push(point);
  }
  return prompts;
}

function nearestPrompt(
  prompts: readonly SegmentPrompt[],
  { x, y }: { x: number; y: number },
): SegmentPrompt | undefined {
  const distances = prompts.map(({ points: [first] = [] }) =>
    first?.label === 1 ? Math.hypot(first.x - x, first.y - y) : Infinity,
  );
  const least = Math.min(...distances);
  return least === Infinity ? undefined : prompts[distances.indexOf(least)];
}
