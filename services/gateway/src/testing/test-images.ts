import { crc32, deflateSync } from 'node:zlib';
import { SeededRandom } from '@tessera/runtime';

/** A PNG of random greys: it does not compress, so its size is about width × height. */
export function noisePng(width: number, height: number, seed = 1): Buffer {
  const rows = Buffer.alloc(height * (width + 1));
  const random = new SeededRandom(seed);
  for (let index = 0; index < rows.length; index++) {
    // Every row starts with its filter type: none.
    rows[index] = index % (width + 1) === 0 ? 0 : 256 * random.next();
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows, { level: 0 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** The same PNG with EXIF that asks for a quarter turn: its width and height change places. */
export function turned(png: Buffer): Buffer {
  const orientation = Buffer.from('49492a0008000000' + '0100' + '12010300010000000600' + '0000' + '00000000', 'hex');
  const headerEnd = 33;
  return Buffer.concat([png.subarray(0, headerEnd), chunk('eXIf', orientation), png.subarray(headerEnd)]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, checksum]);
}
