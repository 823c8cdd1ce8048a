import { mean, median, type LabelledPhoto } from '@tessera/evaluation';
import sharp from 'sharp';

/** Attributes that are painted on photos, so that a photo of a red dress becomes one of a striped red dress. */
export const patterns = ['dotted', 'plain', 'striped'] as const;
type Pattern = (typeof patterns)[number];

const side = 256;
/** Distance from the border's colour, in 8-bit levels, from which a pixel belongs to the garment. */
const garmentDistance = 36;
/** Width of a stripe and the gap after it, or of a dot's cell, in pixels. */
const period = 20;

/**
 * Triples of pattern, colour and garment from photos of colour and garment: the n-th photo of a pair gets one pattern. In
 * training each pair is seen with two of the three patterns, another two from pair to pair, so that the third one and every
 * pattern of an unseen pair are new compositions.
 */
export function patternedPhotos(photos: readonly LabelledPhoto[]): LabelledPhoto[] {
  const pairs = [...new Set(photos.map(({ composition }) => composition.join(' ')))].sort();
  const counts = new Map<string, number>();
  return photos.map(({ image, composition, set }) => {
    const pair = composition.join(' ');
    const key = `${set} ${pair}`;
    const number = counts.get(key) ?? 0;
    counts.set(key, number + 1);
    const choices = set === 'val' ? patterns : patterns.filter((_, index) => index !== pairs.indexOf(pair) % 3);
    const pattern = choices[number % choices.length] ?? 'plain';
    return {
      image: { id: `${pattern}/${image.id}`, read: async () => await paint(await image.read(), pattern, number) },
      composition: [pattern, ...composition],
      set,
    };
  });
}

/** The photo as PNG with the pattern on whatever differs from its border, dark on light garments and light on dark ones. */
async function paint(photo: Uint8Array, pattern: Pattern, number: number): Promise<Uint8Array> {
  const pixels = await sharp(photo)
    .removeAlpha()
    .toColourspace('srgb')
    .resize(side, side, { fit: 'fill' })
    .raw()
    .toBuffer();
  const isGarment = garmentMask(pixels);
  const ink = meanLightness(pixels, isGarment) < 120 ? 235 : 30;
  // Neighbouring photos have patterns of other directions and places.
  const lean = number % 4;
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const position = y * side + x;
      if (isGarment[position] === 1 && isInked(pattern, x, y, lean)) pixels.fill(ink, 3 * position, 3 * position + 3);
    }
  }
  return await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}

function isInked(pattern: Pattern, x: number, y: number, lean: number): boolean {
  if (pattern === 'plain') return false;
  if (pattern === 'striped') return (lean % 2 === 0 ? x + lean * y * 0.2 : y + lean * x * 0.1) % period < period / 3;
  const row = Math.floor((y + lean) / period);
  const [dx, dy] = [((x + (row % 2) * (period / 2)) % period) - period / 2, ((y + lean) % period) - period / 2];
  return dx * dx + dy * dy < (period / 4) ** 2;
}

/** `[side · side]`: 1 where a pixel differs from the border's median colour. */
function garmentMask(pixels: Uint8Array): Uint8Array {
  const border = [0, 1, 2].map((channel) => {
    const values: number[] = [];
    for (let along = 0; along < side; along++) {
      for (const position of [along, along * side, along * side + side - 1])
        values.push(pixels[3 * position + channel] ?? 0);
    }
    return median(values);
  });
  return Uint8Array.from({ length: side * side }, (_, position) => {
    const distance = Math.max(
      ...border.map((level, channel) => Math.abs((pixels[3 * position + channel] ?? 0) - level)),
    );
    return distance >= garmentDistance ? 1 : 0;
  });
}

function meanLightness(pixels: Uint8Array, isGarment: Uint8Array): number {
  const inside = [...isGarment.keys()].filter((position) => isGarment[position] === 1);
  return mean(inside.map((position) => mean([...pixels.subarray(3 * position, 3 * position + 3)])));
}
