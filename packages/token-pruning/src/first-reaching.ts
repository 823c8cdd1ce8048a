/**
 * The value of a path at the first place where it saves enough. A path starts at 0 with nothing saved and never saves
 * less further on.
 *
 * @param save - share saved by a value
 * @param end - where the path saves most; its value is given when even that is not enough
 */
export function firstReaching<Value>(
  path: (place: number) => Value,
  save: (value: Value) => number,
  reduction: number,
  end: number,
): Value {
  const reaches = (place: number): boolean => save(path(place)) >= reduction - reductionTolerance;
  if (reaches(0) || !reaches(end)) return path(reaches(0) ? 0 : end);
  let below = 0;
  let reached = end;
  for (let step = 0; step < bisectionSteps; step++) {
    const middle = (below + reached) / 2;
    if (reaches(middle)) reached = middle;
    else below = middle;
  }
  return path(reached);
}

/** Reductions are given to a tenth of a percent: 64.97 % is 65 %. */
const reductionTolerance = 0.0005;

/** Enough bisections to separate neighbours on a path with any number of tokens. */
const bisectionSteps = 48;
