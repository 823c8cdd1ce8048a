import { readFile } from 'node:fs/promises';
import { createMask, type BinaryMask } from '@tessera/masks';
import { decode, type DecodedPng } from 'fast-png';
import { UsageError } from '../command-errors.js';

/**
 * A mask as a PNG of any kind: every pixel that is not black. Transparency does not count.
 *
 * @throws UsageError when it cannot be read, or is not of this size
 */
export async function readMaskPicture(path: string, height: number, width: number): Promise<BinaryMask> {
  const bytes = await readFile(path).catch(() => {
    throw new UsageError(`${path} cannot be read.`);
  });
  let picture: DecodedPng;
  try {
    picture = decode(bytes);
  } catch (error) {
    throw new UsageError(`${path} is not a PNG: ${(error as Error).message}.`);
  }
  if (picture.height !== height || picture.width !== width) {
    throw new UsageError(`${path} has ${picture.width} × ${picture.height} pixels, its image ${width} × ${height}.`);
  }
  return createMask(height, width, pixelsSet(picture));
}

/** 1 for each pixel with a colour channel above 0. */
function pixelsSet({ data, depth, channels, palette, height, width }: DecodedPng): Uint8Array {
  const colours = palette === undefined && channels % 2 === 0 ? channels - 1 : channels;
  const isBlack = (values: ArrayLike<number>): boolean => Array.from(values).every((value) => value === 0);
  const isSet = (pixel: number): boolean => {
    const values =
      depth < 8
        ? [narrowSample(data, depth, width, pixel)]
        : data.subarray(pixel * channels, pixel * channels + colours);
    const colour = palette === undefined ? values : (palette[values[0] ?? 0]?.slice(0, 3) ?? []);
    return !isBlack(colour);
  };
  return Uint8Array.from({ length: height * width }, (_, pixel) => (isSet(pixel) ? 1 : 0));
}

/** A sample of fewer than eight bits: a byte has several pixels, the leftmost in the highest bits; rows begin anew. */
function narrowSample(data: DecodedPng['data'], depth: number, width: number, pixel: number): number {
  const ofByte = 8 / depth;
  const [row, column] = [Math.floor(pixel / width), pixel % width];
  const byte = data[row * Math.ceil(width / ofByte) + Math.floor(column / ofByte)] ?? 0;
  return (byte >> (depth * (ofByte - 1 - (column % ofByte)))) & (2 ** depth - 1);
}
