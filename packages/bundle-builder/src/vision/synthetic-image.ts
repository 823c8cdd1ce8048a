/** A deterministic RGB picture for tests, uint8 [height, width, 3]: smooth waves, one hard-edged box, a little grain. */
export function syntheticImage(height: number, width: number): Uint8Array<ArrayBuffer> {
  const pixels = new Uint8Array(height * width * 3);
  for (let index = 0; index < pixels.length; index += 1) {
    const channel = index % 3;
    const x = Math.floor(index / 3) % width;
    const y = Math.floor(index / 3 / width);
    const wave = Math.sin(x / (20 + 9 * channel)) * Math.cos(y / (31 - 5 * channel));
    const inBox = x > width * 0.3 && x < width * 0.6 && y > height * 0.2 && y < height * 0.7;
    pixels[index] = 120 + 95 * wave + (inBox ? 25 : 0) + ((index * 7919) % 13);
  }
  return pixels;
}
