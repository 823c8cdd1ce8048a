import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createMask, paintPolygon, type BinaryMask } from '@tessera/masks';
import Type, { type Static } from 'typebox';
import { UsageError } from '../command-errors.js';
import { readJson } from './read-data.js';
import type { QueriedImage, SegmentationSet } from './segmentation-set.js';

const Shape = Type.Object({
  label: Type.String(),
  points: Type.Array(Type.Tuple([Type.Number(), Type.Number()])),
});
const Annotation = Type.Object({
  text: Type.Array(Type.String(), { minItems: 1 }),
  is_sentence: Type.Boolean(),
  shapes: Type.Array(Shape),
});

const [targetLabel, ignoreLabel] = [1, 255];

/**
 * ReasonSeg (Lai et al., "LISA", CVPR 2024): `NAME.jpg` beside `NAME.json` in a directory for each split. As LISA's
 * evaluation, it asks the first of an image's texts.
 */
export const reasonSeg: SegmentationSet = {
  layout: '<root>/<split>/NAME.jpg with NAME.json beside it (text, is_sentence, shapes)',
  defaultSplit: 'test',
  async open({ root, split = 'test', images }) {
    const directory = join(root, split);
    const names = await readdir(directory).catch(() => {
      throw new UsageError(`There is no ${directory}; --root is the directory that has the splits of ReasonSeg.`);
    });
    const annotated = names.filter((name) => name.endsWith('.json')).sort();
    if (annotated.length === 0) throw new UsageError(`There are no annotations (NAME.json) in ${directory}.`);
    return await Promise.all(
      annotated.map(async (name): Promise<QueriedImage> => {
        const { text, is_sentence: isSentence, shapes } = await readJson(join(directory, name), Annotation);
        const query = {
          text: text[0] ?? '',
          group: isSentence ? 'sentences' : 'phrases',
          target: (height: number, width: number) => paintShapes(shapes, height, width),
        };
        return { image: join(images ?? directory, name.replace(/json$/, 'jpg')), queries: [query] };
      }),
    );
  },
};

/** The largest first, as LISA does: a hole that is annotated as a smaller shape stays. */
function paintShapes(shapes: readonly Static<typeof Shape>[], height: number, width: number): BinaryMask {
  const painted = shapes
    .filter(({ label }) => label.toLowerCase() !== 'flag')
    .map(({ label, points }) => {
      const alone = createMask(height, width);
      paintPolygon(alone, points, 1);
      const value = label.toLowerCase().includes('ignore') ? ignoreLabel : targetLabel;
      return { points, value, area: alone.data.reduce((sum, inside) => sum + inside, 0) };
    })
    .sort((one, other) => other.area - one.area);
  const mask = createMask(height, width);
  for (const { points, value } of painted) paintPolygon(mask, points, value);
  return mask;
}
