/** A place in the plane, in pixels. */
export type Point = readonly [x: number, y: number];

/** Positive when the way from `a` over `b` to `c` turns right on a screen, where y grows downwards; 0 on a line. */
export function cross(a: Point, b: Point, c: Point): number {
  return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0]);
}

/** Whether a point is inside a triangle or on one of its sides. */
export function isInTriangle(point: Point, a: Point, b: Point, c: Point): boolean {
  const turns = [cross(a, b, point), cross(b, c, point), cross(c, a, point)];
  return turns.every((turn) => turn >= 0) || turns.every((turn) => turn <= 0);
}

/** Distance of a point to the nearest one between two others. */
export function distanceToSegment(point: Point, from: Point, to: Point): number {
  const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
  const [px, py] = [point[0] - from[0], point[1] - from[1]];
  const squared = dx * dx + dy * dy;
  const share = squared === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / squared));
  return Math.hypot(px - share * dx, py - share * dy);
}
