import type { SegmentQueryResult, SegmentResponse } from '@tessera/client';
import { drawing } from '../page/drawing.js';

export type TokenLayout = NonNullable<SegmentResponse['token_layout']>;
export type TokenMap = NonNullable<SegmentQueryResult['token_map']>;
export type TokenStage = TokenMap[number];

/** The stage that a layer belongs to, counted from 0; undefined when no stage has it. */
export function stageOfLayer(map: TokenMap, layer: number): TokenStage | undefined {
  return map.find(({ layers: [first, end] }) => first <= layer && layer < end);
}

/** Layers of the model: the stages follow each other. */
export function layerCount(map: TokenMap): number {
  return Math.max(0, ...map.map(({ layers: [, end] }) => end));
}

export function tokenCount({ grid: [rows, columns], regions }: TokenLayout): number {
  return rows * columns + regions.length;
}

/** Up to one of so many tokens stand out from the photo. */
const fewShare = 8;

/** The cells of the grid that a stage saw, lit, and the regions that it saw, framed; in pixels of the photo. */
export function tokenGrid(
  { tokens }: TokenStage,
  { grid: [rows, columns], regions }: TokenLayout,
  { width, height }: { readonly width: number; readonly height: number },
): SVGSVGElement {
  const seen = new Set(tokens);
  const [cellWidth, cellHeight] = [width / columns, height / rows];
  const cells = Array.from({ length: rows * columns }, (_, cell) =>
    drawing('rect', {
      x: (cell % columns) * cellWidth,
      y: Math.floor(cell / columns) * cellHeight,
      width: cellWidth,
      height: cellHeight,
      class: seen.has(cell) ? 'cell lit' : 'cell',
    }),
  );
  const frames = regions.flatMap(([x, y, regionWidth, regionHeight], region) =>
    seen.has(rows * columns + region)
      ? [drawing('rect', { x, y, width: regionWidth, height: regionHeight, class: 'region' })]
      : [],
  );
  const isFew = seen.size * fewShare <= rows * columns + regions.length;
  const viewBox = `0 0 ${width} ${height}`;
  return drawing(
    'svg',
    { class: isFew ? 'token-grid few' : 'token-grid', viewBox, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    ...cells,
    ...frames,
  );
}
