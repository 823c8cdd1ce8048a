import { createMask, decodeRle, polygonsToMask, type BinaryMask } from '@tessera/masks';
import Type, { type Static } from 'typebox';

/** COCO's `instances.json`, as far as it is read. */
export const Instances = Type.Object({
  images: Type.Array(
    Type.Object({
      id: Type.Integer(),
      file_name: Type.String(),
    }),
  ),
  annotations: Type.Array(
    Type.Object({
      id: Type.Integer(),
      image_id: Type.Integer(),
      category_id: Type.Integer(),
      iscrowd: Type.Optional(Type.Integer()),
      segmentation: Type.Union([
        Type.Array(Type.Array(Type.Number())),
        Type.Object({ size: Type.Array(Type.Integer()), counts: Type.Unknown() }),
      ]),
    }),
  ),
  categories: Type.Optional(Type.Array(Type.Object({ id: Type.Integer(), name: Type.String() }))),
});
export type Instances = Static<typeof Instances>;
export type InstanceAnnotation = Instances['annotations'][number];

const ignoreLabel = 255;

/**
 * The union of some annotations in an image of this size, with pixels of others that are not judged.
 *
 * @throws RangeError or RleError when a mask is of another size or is none
 */
export function targetOf(
  annotations: readonly InstanceAnnotation[],
  ignored: readonly InstanceAnnotation[],
  height: number,
  width: number,
): BinaryMask {
  const target = createMask(height, width);
  const paint = (parts: readonly InstanceAnnotation[], label: number): void => {
    for (const { segmentation } of parts) {
      const mask = Array.isArray(segmentation) ? polygonsToMask(segmentation, height, width) : decodeRle(segmentation);
      if (mask.height !== height || mask.width !== width) {
        throw new RangeError(
          `The annotation is of ${mask.height} × ${mask.width} pixels, the image of ${height} × ${width}.`,
        );
      }
      for (const [index, inside] of mask.data.entries()) if (inside === 1) target.data[index] = label;
    }
  };
  paint(ignored, ignoreLabel);
  paint(annotations, 1);
  return target;
}

/** Things by a number of theirs, in their order. */
export function groupedBy<Value>(values: readonly Value[], numberOf: (value: Value) => number): Map<number, Value[]> {
  const groups = new Map<number, Value[]>();
  for (const value of values) {
    const group = groups.get(numberOf(value));
    if (group === undefined) groups.set(numberOf(value), [value]);
    else group.push(value);
  }
  return groups;
}
