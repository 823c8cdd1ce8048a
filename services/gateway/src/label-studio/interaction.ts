import {
  promptLimits,
  TesseraError,
  type ContextRegion,
  type PromptPoint,
  type SegmentPrompt,
} from '@tessera/contracts';

/** What an annotator asks for. */
export interface Interaction {
  /** Words of a text prompt, in their order. */
  readonly texts: readonly string[];
  /** Boxes and points, by the label that they were drawn with; the empty label where there was none. */
  readonly prompts: readonly { readonly label: string; readonly prompt: SegmentPrompt }[];
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** How near the border a point may be, in pixels. */
const margin = 0.01;

/**
 * Checks that points are in the image; one beside it would mean another place. Boxes may reach beyond it.
 *
 * @param pointer - of the regions
 * @throws TesseraError `TSR_VALIDATION`
 */
export function checkPoints(regions: readonly ContextRegion[], pointer: string): void {
  const problems = regions.flatMap((region, index) =>
    isPoint(region)
      ? (['x', 'y'] as const)
          .filter((axis) => (region.value[axis] ?? 0) < 0 || (region.value[axis] ?? 0) > 100)
          .map((axis) => ({
            pointer: `${pointer}/${index}/value/${axis}`,
            message: `${region.value[axis] ?? 0} is outside the image, which is from 0 to 100 per cent`,
          }))
      : [],
  );
  if (problems.length > 0) throw TesseraError.invalid(problems.slice(0, promptLimits.prompts));
}

/**
 * What an annotator has drawn and typed as prompts, of an image of this size. All points and the latest box of a label make
 * one prompt. A box outside the image, and points beside an object that no point or box shows, are left out.
 *
 * @param size - of the image, in pixels
 */
export function readInteraction(regions: readonly ContextRegion[], size: Size): Interaction {
  const texts: string[] = [];
  const drawn = new Map<string, { box?: [number, number, number, number]; points: PromptPoint[] }>();
  for (const region of regions) {
    const { value } = region;
    texts.push(
      ...[value.text ?? []]
        .flat()
        .map((text) => text.trim())
        .filter((text) => text !== ''),
    );
    if (!isDrawn(region)) continue;
    const [label = ''] = value.keypointlabels ?? value.rectanglelabels ?? value.labels ?? [];
    const prompt = drawn.get(label) ?? { points: [] };
    drawn.set(label, prompt);
    if (!isPoint(region)) {
      const box = boxOf(value, size);
      if (box !== undefined) prompt.box = box;
    } else {
      prompt.points.push(pointOf(value, size, region.is_positive ?? true));
    }
  }
  const prompts = [...drawn].flatMap(([label, { box, points }]) => {
    if (box === undefined && !points.some((point) => point.label === 1)) return [];
    return [
      {
        label,
        prompt: { ...(box && { box }), ...(points.length > 0 && { points: points.slice(-promptLimits.points) }) },
      },
    ];
  });
  return { texts, prompts: prompts.slice(0, promptLimits.prompts) };
}

function isDrawn({ value }: ContextRegion): boolean {
  return value.x !== undefined && value.y !== undefined && value.text === undefined;
}

function isPoint(region: ContextRegion): boolean {
  return isDrawn(region) && region.type?.startsWith('rectangle') !== true;
}

function pointOf({ x = 0, y = 0 }: ContextRegion['value'], { width, height }: Size, isPositive: boolean | number) {
  const label: 0 | 1 = Number(isPositive) > 0 ? 1 : 0;
  return {
    x: clamp((x * width) / 100, 0, width - margin),
    y: clamp((y * height) / 100, 0, height - margin),
    label,
  };
}

/** The upright box `[x, y, width, height]` around a rectangle, in pixels, cut to the image; undefined outside of it. */
function boxOf(value: ContextRegion['value'], size: Size): [number, number, number, number] | undefined {
  const { x = 0, y = 0, width = 0, height = 0, rotation = 0 } = value;
  const [left, top] = [(x * size.width) / 100, (y * size.height) / 100];
  const [right, down] = [(width * size.width) / 100, (height * size.height) / 100];
  const [cos, sin] = [Math.cos((rotation * Math.PI) / 180), Math.sin((rotation * Math.PI) / 180)];
  const corners = [
    [0, 0],
    [right, 0],
    [0, down],
    [right, down],
  ].map(([across = 0, along = 0]) => [left + across * cos - along * sin, top + across * sin + along * cos] as const);
  const [minX, maxX] = range(
    corners.map(([cornerX]) => cornerX),
    size.width,
  );
  const [minY, maxY] = range(
    corners.map(([, cornerY]) => cornerY),
    size.height,
  );
  return maxX > minX && maxY > minY ? [minX, minY, maxX - minX, maxY - minY] : undefined;
}

function range(values: readonly number[], most: number): [least: number, most: number] {
  return [clamp(Math.min(...values), 0, most), clamp(Math.max(...values), 0, most)];
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
