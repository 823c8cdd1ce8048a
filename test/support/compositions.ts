import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

const colours = { red: '#d01020', green: '#109030', blue: '#1030c0' } as const;
const shapes = {
  ball: '<circle cx="80" cy="80" r="52" fill="COLOUR"/>',
  box: '<rect x="30" y="30" width="100" height="100" fill="COLOUR"/>',
} as const;

export type Colour = keyof typeof colours;
export type Shape = keyof typeof shapes;

/** The pairs to learn; the only green objects are balls. */
export const seenPairs: readonly (readonly [Colour, Shape])[] = [
  ['red', 'ball'],
  ['red', 'box'],
  ['blue', 'ball'],
  ['blue', 'box'],
  ['green', 'ball'],
];
export const unseenPair = ['green', 'box'] as const;

/** A drawn shape of a colour on a grey ground; serials differ in the ground. */
export function drawnShape(colour: Colour, shape: Shape, serial: number): Promise<Buffer> {
  const ground = 200 + (serial % 50);
  const drawing = shapes[shape].replace('COLOUR', colours[colour]);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="160" height="160">
    <rect width="160" height="160" fill="rgb(${ground},${ground},${ground})"/>${drawing}</svg>`;
  return sharp(Buffer.from(svg)).jpeg({ quality: 90 }).toBuffer();
}

/** Writes a training set of drawn shapes: `metadata.json` and `images/`; a third of each pair is for validation. */
export async function writeShapes(directory: string, imagesOfPair: number): Promise<void> {
  const rows: object[] = [];
  for (const [colour, shape] of [...seenPairs, unseenPair]) {
    const isSeen = seenPairs.some(([seenColour, seenShape]) => seenColour === colour && seenShape === shape);
    for (let serial = 0; serial < imagesOfPair; serial++) {
      const image = `${colour}_${shape}/${serial}.jpg`;
      const path = join(directory, 'images', image);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await drawnShape(colour, shape, serial));
      rows.push({ image, attr: colour, obj: shape, set: isSeen && serial % 3 > 0 ? 'train' : 'val' });
    }
  }
  await writeFile(join(directory, 'metadata.json'), JSON.stringify(rows));
}
