/** The frame header of a JPEG: ITU-T T.81 §B.2.2, T.87 for JPEG-LS. */
export interface JpegFrame {
  /** The second byte of its marker, which has the coding process. */
  readonly marker: number;
  readonly bitsPerSample: number;
  readonly width: number;
  readonly height: number;
}

export const JPEG_LS = 0xf7;

/** Files have a few; megabytes of them would hold the event loop. */
const MAX_STRAY_BYTES = 65_536;

interface JpegSegment {
  /** The second byte of its marker. */
  readonly marker: number;
  /** Where its marker begins, before two bytes of length and its contents. */
  readonly offset: number;
}

/**
 * The segments before the first scan: ITU-T T.81 §B.1.1.
 *
 * @throws RangeError when the file ends before
 */
function* jpegSegments(view: DataView): Generator<JpegSegment> {
  let strayBytes = 0;
  for (let offset = 2; ;) {
    const marker = view.getUint8(offset) === 0xff ? view.getUint8(offset + 1) : 0;
    if (marker === 0xd9 || marker === 0xda) return;
    // Bytes between segments, fill bytes and restart markers are passed over, as the decoder does.
    const hasSegment = marker >= 0xc0 && marker !== 0xff && (marker & 0xf8) !== 0xd0;
    if (hasSegment) yield { marker, offset };
    else if (++strayBytes > MAX_STRAY_BYTES) throw new RangeError('no scan among fill bytes');
    offset += hasSegment ? 2 + view.getUint16(offset + 2) : 1;
  }
}

/** @throws RangeError when there is no frame header before the first scan or the end of the file */
export function readJpegFrame(view: DataView): JpegFrame {
  for (const { marker, offset } of jpegSegments(view)) {
    // Frame headers are C0 to CF, but for the tables C4, C8 and CC.
    if (((marker & 0xf0) === 0xc0 && ![0xc4, 0xc8, 0xcc].includes(marker)) || marker === JPEG_LS) {
      const [height, width] = [view.getUint16(offset + 5), view.getUint16(offset + 7)];
      return { marker, bitsPerSample: view.getUint8(offset + 4), width, height };
    }
  }
  throw new RangeError('no frame header before the scan');
}

/** EXIF: the contents of the first APP1 segment of this kind. */
export function readJpegExif(view: DataView): DataView | undefined {
  for (const { marker, offset } of jpegSegments(view)) {
    if (marker !== 0xe1 || view.getUint32(offset + 4) !== 0x45786966) continue;
    return new DataView(view.buffer, view.byteOffset + offset + 4, view.getUint16(offset + 2) - 2);
  }
  return undefined;
}
