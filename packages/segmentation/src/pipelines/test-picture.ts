import { createMask } from '@tessera/masks';
import sharp from 'sharp';

export const width = 320;
export const height = 240;

/** A red octagon with a white rim on a pole, before grass and sky. */
function isSign(x: number, y: number): boolean {
  const [dx, dy] = [Math.abs(x - 160), Math.abs(y - 100)];
  return dx < 60 && dy < 60 && dx + dy < 85;
}

function colourAt(x: number, y: number): [number, number, number] {
  const [dx, dy] = [Math.abs(x - 160), Math.abs(y - 100)];
  if (isSign(x, y)) {
    if (dx >= 54 || dy >= 54 || dx + dy >= 78) return [240, 240, 240];
    return dy < 12 && dx < 40 && Math.floor(x / 4) % 2 === 1 ? [255, 255, 255] : [200, 20, 30];
  }
  if (dx < 5 && y > 150) return [120, 120, 120];
  return y > 190 ? [90, 110, 70] : [150, 190, 230];
}

/** The sign's pixels. */
export const sign = createMask(height, width);
const pixels = new Uint8Array(width * height * 3);
for (let y = 0; y < height; y++) {
  for (let x = 0; x < width; x++) {
    sign.data[y * width + x] = isSign(x + 0.5, y + 0.5) ? 1 : 0;
    pixels.set(colourAt(x + 0.5, y + 0.5), (y * width + x) * 3);
  }
}

/** A drawn stop sign as a PNG. */
export function signPicture(): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
