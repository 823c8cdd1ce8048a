import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import { encodePng } from '@tessera/masks/png';
import { readMaskPicture } from './mask-picture.js';

const [width, height] = [11, 3];
const inside = Uint8Array.from({ length: width * height }, (_, pixel) => Number(pixel % 4 === 0));

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tessera-masks-'));
});
after(() => rm(directory, { recursive: true }));

const grey = () =>
  sharp(
    inside.map((value) => 90 * value),
    { raw: { width, height, channels: 1 } },
  );
const red = () =>
  sharp(Buffer.from([...inside].flatMap((value) => [200 * value, 0, 0])), { raw: { width, height, channels: 3 } });

describe('a mask as a picture', () => {
  const kinds: Record<string, () => Promise<Buffer>> = {
    'one bit': () => Promise.resolve(encodePng({ width, height, data: inside })),
    grey: () => grey().toColourspace('b-w').png().toBuffer(),
    'sixteen bits': () => grey().toColourspace('grey16').png().toBuffer(),
    colours: () => red().png().toBuffer(),
    'colours and transparency': () => red().ensureAlpha(0.5).png().toBuffer(),
    'a palette': () => red().png({ palette: true, colours: 2 }).toBuffer(),
  };
  for (const [kind, make] of Object.entries(kinds)) {
    it(`has its pixels that are not black: ${kind}`, async () => {
      const path = join(directory, 'mask.png');
      await writeFile(path, await make());
      assert.deepEqual((await readMaskPicture(path, height, width)).data, inside);
    });
  }
});
