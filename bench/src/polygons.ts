/** `npm run bench:polygons`: how many points polygons of the masks of the val photos have at some tolerances, and how close they stay. */
import { loadCocoSplit, loadQuerySet, markdownRows, median, runCommand, withRuntime } from '@tessera/evaluation';
import {
  createMask,
  decodeRle,
  intersectionOverUnion,
  maskToPolygons,
  simplifyPolygons,
  type BinaryMask,
} from '@tessera/masks';
import { createSegmenter } from '@tessera/segmentation';

const tolerances = [0, 0.5, 1, 1.5, 2, 3];

await runCommand(() =>
  withRuntime('tessera-mini', async ({ bundle, runner }) => {
    const segmenter = await createSegmenter(bundle, runner);
    const coco = await loadCocoSplit('val');
    const masks: BinaryMask[] = [];
    for (const { photo: id, queries } of await loadQuerySet('val')) {
      const photo = coco.photos.find((one) => one.id === id);
      const present = queries.filter(({ annotations }) => annotations.length > 0).slice(0, 2);
      if (photo === undefined) continue;
      const image = { id: photo.fileName, read: () => coco.readPhoto(photo) };
      const { results } = await segmenter.segment(image, { queries: present.map(({ text }) => text) });
      for (const { mask, area } of results) if ('counts' in mask && area > 0) masks.push(decodeRle(mask));
    }
    const rows = tolerances.map((tolerance) => {
      const simplified = masks.map((mask) => simplifyPolygons(maskToPolygons(mask), tolerance));
      const points = simplified.map((polygons) => polygons.reduce((sum, { length }) => sum + length / 2, 0));
      const bytes = simplified.map((polygons) => JSON.stringify(polygons).length);
      const overlaps = simplified.map((polygons, index) => {
        const mask = masks[index] ?? createMask(0, 0);
        return intersectionOverUnion(filled(polygons, mask), mask);
      });
      const figures = [median(points), Math.max(...points), median(bytes) / 1000];
      const closeness = [median(overlaps), Math.min(...overlaps)].map((overlap) => overlap.toFixed(4));
      return [`${tolerance}`, ...figures.map((figure) => figure.toFixed(figure < 10 ? 1 : 0)), ...closeness];
    });
    console.log(`${masks.length} masks of ${coco.photos.length} photos\n`);
    console.log(markdownRows(['tolerance', 'points', 'most points', 'kB', 'IoU', 'least IoU'], rows));
  }),
);

/** The pixels whose centres are inside polygons, by the even-odd rule. */
function filled(polygons: readonly (readonly number[])[], { height, width }: BinaryMask): BinaryMask {
  const mask = createMask(height, width);
  for (let row = 0; row < height; row++) {
    const y = row + 0.5 + 1e-6;
    for (const polygon of polygons) {
      for (let index = 0; index < polygon.length; index += 2) {
        const [x1 = 0, y1 = 0, x2 = polygon[0] ?? 0, y2 = polygon[1] ?? 0] = polygon.slice(index, index + 4);
        if (y1 > y === y2 > y) continue;
        const from = Math.max(0, Math.ceil(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1) - 0.5));
        for (let column = from; column < width; column++) {
          const pixel = row * width + column;
          mask.data[pixel] = 1 - (mask.data[pixel] ?? 0);
        }
      }
    }
  }
  return mask;
}
