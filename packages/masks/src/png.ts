import { crc32, deflateSync } from 'node:zlib';
import { assertMask, type BinaryMask } from './binary-mask.js';

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

const bitDepth = 1;
const greyscale = 0;

/**
 * A mask as a 1-bit greyscale PNG, white inside. Format: W3C PNG, third edition; filter 0 on every row, no interlacing.
 *
 * @throws RangeError if `mask` is not a mask.
 */
export function encodePng(mask: BinaryMask): Buffer {
  assertMask(mask);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(mask.width, 0);
  header.writeUInt32BE(mask.height, 4);
  header.writeUInt8(bitDepth, 8);
  header.writeUInt8(greyscale, 9);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(packRows(mask))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Rows of eight pixels a byte, the leftmost in the highest bit, each row after its filter byte. */
function packRows({ height, width, data }: BinaryMask): Uint8Array {
  const rowLength = 1 + Math.ceil(width / 8);
  const packed = new Uint8Array(height * rowLength);
  const wholeBytes = width >> 3;
  let pixel = 0;
  for (let row = 0; row < height; row++) {
    let target = row * rowLength + 1;
    for (let byte = 0; byte < wholeBytes; byte++) {
      packed[target++] =
        ((data[pixel] ?? 0) << 7) |
        ((data[pixel + 1] ?? 0) << 6) |
        ((data[pixel + 2] ?? 0) << 5) |
        ((data[pixel + 3] ?? 0) << 4) |
        ((data[pixel + 4] ?? 0) << 3) |
        ((data[pixel + 5] ?? 0) << 2) |
        ((data[pixel + 6] ?? 0) << 1) |
        (data[pixel + 7] ?? 0);
      pixel += 8;
    }
    let rest = 0;
    for (let bit = 7; bit > 7 - (width & 7); bit--) {
      rest |= (data[pixel++] ?? 0) << bit;
    }
    if (rest !== 0) packed[target] = rest;
  }
  return packed;
}

/** Length, type, content, and the CRC of type and content. */
function chunk(type: string, content: Buffer): Buffer {
  const framed = Buffer.alloc(content.length + 12);
  framed.writeUInt32BE(content.length, 0);
  framed.write(type, 4, 'latin1');
  content.copy(framed, 8);
  framed.writeUInt32BE(crc32(framed.subarray(4, 8 + content.length)), 8 + content.length);
  return framed;
}
