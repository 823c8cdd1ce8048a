import { percent } from '../page/words.js';

interface Position {
  readonly x: number;
  readonly y: number;
}

/**
 * Where the crosshair of the keys is, for who does not see it.
 *
 * @param place - as shares of the photo, and `corner` where a box begins
 */
export function crosshairSentence(place: Position, corner: Position | undefined): string {
  const at = `${percent(place.x)} across, ${percent(place.y)} down`;
  if (corner === undefined) return `Crosshair ${at}.`;
  return `Box to ${at}: ${percent(Math.abs(place.x - corner.x))} wide, ${percent(Math.abs(place.y - corner.y))} high.`;
}
