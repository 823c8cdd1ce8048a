/** The first directory of a TIFF file: TIFF 6.0 §2, and BigTIFF with its 64-bit offsets. */
export interface TiffDirectory {
  /** The first value of each tag that has whole numbers beside its name; for longer lists their offset in the file. */
  readonly tags: ReadonlyMap<number, number>;
  /** Where the offset of the next directory stands, how many bytes it has, and whether there is one. */
  readonly next: { readonly at: number; readonly bytes: number; readonly exists: boolean };
}

/** @throws RangeError when the directory runs past the end of the file */
export function readTiffDirectory(view: DataView): TiffDirectory {
  const littleEndian = view.getUint8(0) === 0x49;
  const isBig = view.getUint16(2, littleEndian) === 43;
  const long = (at: number) => Number(view.getBigUint64(at, littleEndian));
  const offset = (at: number) => (isBig ? long(at) : view.getUint32(at, littleEndian));
  const [countBytes, entryBytes, valueOffset, offsetBytes] = isBig ? [8, 20, 12, 8] : [2, 12, 8, 4];
  const readers = new Map<number, (at: number) => number>([
    [1, (at) => view.getUint8(at)],
    [3, (at) => view.getUint16(at, littleEndian)],
    [4, (at) => view.getUint32(at, littleEndian)],
    [16, long],
  ]);
  const start = offset(isBig ? 8 : 4);
  const count = isBig ? long(start) : view.getUint16(start, littleEndian);
  const end = start + countBytes + entryBytes * count;
  const exists = offset(end) !== 0;
  const tags = new Map<number, number>();
  for (let entry = start + countBytes; entry < end; entry += entryBytes) {
    const value = readers.get(view.getUint16(entry + 2, littleEndian))?.(entry + valueOffset);
    if (value !== undefined) tags.set(view.getUint16(entry, littleEndian), value);
  }
  return { tags, next: { at: end, bytes: offsetBytes, exists } };
}
