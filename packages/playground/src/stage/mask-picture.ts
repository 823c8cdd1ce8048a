import type { BinaryMask } from '@tessera/client';

/** `[red, green, blue]`, 0 to 255. */
export type Colour = readonly [number, number, number];

/** Longer pictures are drawn smaller: a canvas costs four bytes a pixel, and screens show no more. */
const longestSide = 2048;
const fillAlpha = 118;

/**
 * Draws a mask on a canvas of its own: half transparent inside, with an opaque outline. Up to 2048 pixels a side one
 * pixel of the canvas is one of the mask.
 */
export function drawMask(mask: BinaryMask, colour: Colour): HTMLCanvasElement {
  const scale = Math.min(1, longestSide / Math.max(mask.width, mask.height));
  const small = scale === 1 ? mask : shrunk(mask, scale);
  const canvas = document.createElement('canvas');
  canvas.width = small.width;
  canvas.height = small.height;
  const picture = new ImageData(small.width, small.height);
  paint(small, colour, picture.data);
  canvas.getContext('2d')?.putImageData(picture, 0, 0);
  return canvas;
}

function paint({ width, height, data }: BinaryMask, [red, green, blue]: Colour, target: Uint8ClampedArray): void {
  const reach = Math.max(1, Math.round(Math.max(width, height) / 400));
  // What is outside the photo does not count as outside the mask: no line along its border.
  const isInside = (row: number, column: number) =>
    row < 0 || column < 0 || row >= height || column >= width || data[row * width + column] === 1;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const index = row * width + column;
      if (data[index] !== 1) continue;
      const isCore =
        isInside(row - reach, column) &&
        isInside(row + reach, column) &&
        isInside(row, column - reach) &&
        isInside(row, column + reach);
      target.set([red, green, blue, isCore ? fillAlpha : 255], index * 4);
    }
  }
}

function shrunk({ width, height, data }: BinaryMask, scale: number): BinaryMask {
  const small = { width: Math.round(width * scale), height: Math.round(height * scale) };
  const pixels = new Uint8Array(small.width * small.height);
  for (let row = 0; row < small.height; row++) {
    const source = Math.floor((row + 0.5) / scale) * width;
    for (let column = 0; column < small.width; column++) {
      pixels[row * small.width + column] = data[source + Math.floor((column + 0.5) / scale)] ?? 0;
    }
  }
  return { ...small, data: pixels };
}
