const headerBytes = 54;

/**
 * A Windows bitmap (24 bits, BITMAPINFOHEADER) of pixels.
 *
 * @param pixels - `[height, width, 3]`: red, green and blue, row by row
 */
export function bitmapOf(pixels: Uint8Array, height: number, width: number): Buffer {
  const rowBytes = Math.ceil((3 * width) / 4) * 4;
  const file = Buffer.alloc(headerBytes + height * rowBytes);
  file.write('BM', 'latin1');
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(headerBytes, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  // Negative: the first row is the top one.
  file.writeInt32LE(-height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let row = 0; row < height; row++) {
    let source = 3 * row * width;
    let target = headerBytes + row * rowBytes;
    for (let column = 0; column < width; column++, source += 3, target += 3) {
      file[target] = pixels[source + 2] ?? 0;
      file[target + 1] = pixels[source + 1] ?? 0;
      file[target + 2] = pixels[source] ?? 0;
    }
  }
  return file;
}
