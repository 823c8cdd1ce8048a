import { median } from '@tessera/evaluation';
import { createMask, decodeRle, encodeRle, maskToPolygons, type BinaryMask } from '@tessera/masks';
import { encodePng } from '@tessera/masks/png';
import { roundTo, SeededRandom } from '@tessera/runtime';

/** The most that encoding a megapixel of an object's mask may take; noise is measured but has no budget. */
const encodeBudgetMs = 8;

const height = 1536;
const width = 2048;
const rounds = 9;

function drawMask(isInside: (row: number, column: number) => boolean): BinaryMask {
  const mask = createMask(height, width);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      mask.data[row * width + column] = isInside(row, column) ? 1 : 0;
    }
  }
  return mask;
}

/** One object with a wavy outline over about a fifth of the image. */
function blob(): BinaryMask {
  return drawMask((row, column) => {
    const y = row - height / 2;
    const x = column - width / 2;
    const radius = height * (0.35 + 0.05 * Math.sin(9 * Math.atan2(y, x)));
    return x * x + y * y < radius * radius;
  });
}

/** What a segmenter gives on a photo: several objects with ragged edges, pinholes and stray specks. */
function photo(): BinaryMask {
  const random = new SeededRandom(7);
  const objects = Array.from({ length: 12 }, () => ({
    y: random.next() * height,
    x: random.next() * width,
    radiusY: (0.03 + 0.15 * random.next()) * height,
    radiusX: (0.03 + 0.15 * random.next()) * width,
  }));
  return drawMask((row, column) => {
    const nearest = Math.min(
      ...objects.map(({ y, x, radiusY, radiusX }) => ((row - y) / radiusY) ** 2 + ((column - x) / radiusX) ** 2),
    );
    const flip = random.next() < 0.0005;
    return nearest + 0.1 * random.next() < 1 !== flip;
  });
}

function noise(): BinaryMask {
  const random = new SeededRandom(1);
  return drawMask(() => random.next() < 0.5);
}

/** Median milliseconds per megapixel of each operation on a mask. */
function measure(mask: BinaryMask) {
  const rle = encodeRle(mask);
  const time = (work: () => unknown): number => {
    const times = Array.from({ length: rounds }, () => {
      const start = performance.now();
      work();
      return performance.now() - start;
    });
    return roundTo(median(times) / ((height * width) / 1e6), 2);
  };
  return {
    encode: time(() => encodeRle(mask)),
    decode: time(() => decodeRle(rle)),
    polygons: time(() => maskToPolygons(mask)),
    png: time(() => encodePng(mask)),
  };
}

const results = {
  blob: measure(blob()),
  photo: measure(photo()),
  noise: measure(noise()),
  empty: measure(createMask(height, width)),
};
console.log(`Median milliseconds per megapixel of ${rounds} rounds, masks of ${height} by ${width} pixels`);
console.table(results);

const slowest = Math.max(results.blob.encode, results.photo.encode);
if (slowest > encodeBudgetMs) {
  console.error(`Encoding takes ${slowest.toFixed(2)} ms per megapixel, more than ${encodeBudgetMs}.`);
  process.exitCode = 1;
}
