/** Tags of TIFF 6.0 §8: the size, the orientation, and how samples are stored. */
export const TIFF_TAGS = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  orientation: 274,
  samplesPerPixel: 277,
  planarConfiguration: 284,
  tileWidth: 322,
  inkSet: 332,
  extraSamples: 338,
  sampleFormat: 339,
} as const;

/** The first directory of a TIFF file: TIFF 6.0 §2, and BigTIFF with its 64-bit offsets. */
export interface TiffDirectory {
  /** The first {@link MAX_VALUES} whole numbers of a tag; none when the directory does not have it. */
  readonly values: (tag: number) => number[];
  /** Where the offset of the next directory stands, how many bytes it has, and whether there is one. */
  readonly next: () => { readonly at: number; readonly bytes: number; readonly exists: boolean };
}

const ALPHA = [1, 2];

/** Whether a sample after the colours is alpha, associated or not (TIFF 6.0 §18); otherwise it is no part of the picture. */
export function hasTiffAlpha({ values }: TiffDirectory): boolean {
  return ALPHA.includes(values(TIFF_TAGS.extraSamples)[0] ?? 0);
}

const MAX_VALUES = 16;

/** @throws RangeError when the directory, or the values of a tag, run past the end of the file */
export function readTiffDirectory(view: DataView): TiffDirectory {
  const littleEndian = view.getUint8(0) === 0x49;
  const isBig = view.getUint16(2, littleEndian) === 43;
  const short = (at: number) => view.getUint16(at, littleEndian);
  const long = (at: number) => view.getUint32(at, littleEndian);
  const long8 = (at: number) => Number(view.getBigUint64(at, littleEndian));
  const word = isBig ? long8 : long;
  const [countBytes, wordBytes] = isBig ? [8, 8] : [2, 4];
  const entryBytes = 4 + 2 * wordBytes;
  /** Bytes and reader of the unsigned types, BYTE, SHORT, LONG and LONG8, by their codes. */
  const types = new Map<number, [number, (at: number) => number]>([
    [1, [1, (at) => view.getUint8(at)]],
    [3, [2, short]],
    [4, [4, long]],
    [16, [8, long8]],
  ]);
  const start = word(isBig ? 8 : 4);
  const end = start + countBytes + entryBytes * (isBig ? long8(start) : short(start));

  const values = (tag: number): number[] => {
    for (let entry = start + countBytes; entry < end; entry += entryBytes) {
      if (short(entry) !== tag) continue;
      const [bytes, read] = types.get(short(entry + 2)) ?? [0, () => 0];
      const count = word(entry + 4);
      const field = entry + 4 + wordBytes;
      const first = count * bytes <= wordBytes ? field : word(field);
      return Array.from({ length: bytes === 0 ? 0 : Math.min(count, MAX_VALUES) }, (_, index) =>
        read(first + index * bytes),
      );
    }
    return [];
  };
  return { values, next: () => ({ at: end, bytes: wordBytes, exists: word(end) !== 0 }) };
}
