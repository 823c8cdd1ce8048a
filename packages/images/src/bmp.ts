/** A Windows bitmap's header: BITMAPINFOHEADER and its successors, and the OS/2 header of 12 bytes. */
export interface BmpHeader {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bitsPerPixel: number;
  /** 0: none; 3: none, with masks of the channels; 6: with a mask of alpha. Others are encodings. */
  readonly compression: number;
  /** Where the pixels begin. */
  readonly pixelOffset: number;
  /** Colours of a palette as red, green and blue. */
  readonly palette: readonly (readonly [number, number, number])[];
  /** Of red, green, blue and alpha, where a pixel has 16 or 32 bits; alpha 0 when there is none. */
  readonly masks: readonly [number, number, number, number];
}

const FILE_HEADER_BYTES = 14;
const OS2_HEADER_BYTES = 12;
const MASKS_AT = FILE_HEADER_BYTES + 40;
const ALPHA_MASK_AT = MASKS_AT + 12;
/** Headers that have a mask of alpha in them. */
const V3_HEADER_BYTES = 56;

/** @throws RangeError when the header is cut off, or places the pixels inside itself */
export function readBmpHeader(view: DataView): BmpHeader {
  const headerBytes = view.getUint32(14, true);
  const isOs2 = headerBytes === OS2_HEADER_BYTES;
  const signedHeight = isOs2 ? view.getUint16(20, true) : view.getInt32(22, true);
  const bitsPerPixel = view.getUint16(isOs2 ? 24 : 28, true);
  const compression = isOs2 ? 0 : view.getUint32(30, true);
  const hasMasks = compression === 3 || compression === 6;
  const hasAlphaMask = hasMasks && (headerBytes >= V3_HEADER_BYTES || compression === 6);
  const pixelOffset = view.getUint32(10, true);
  if (pixelOffset < FILE_HEADER_BYTES + headerBytes) throw new RangeError('the pixels begin inside the header');
  return {
    width: isOs2 ? view.getUint16(18, true) : view.getInt32(18, true),
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bitsPerPixel,
    compression,
    pixelOffset,
    palette: bitsPerPixel > 8 ? [] : readPalette(view, headerBytes, isOs2, 2 ** bitsPerPixel, pixelOffset),
    masks: hasMasks
      ? [
          view.getUint32(MASKS_AT, true),
          view.getUint32(MASKS_AT + 4, true),
          view.getUint32(MASKS_AT + 8, true),
          hasAlphaMask ? view.getUint32(ALPHA_MASK_AT, true) : 0,
        ]
      : bitsPerPixel === 16
        ? [0x7c00, 0x3e0, 0x1f, 0]
        : [0xff0000, 0xff00, 0xff, 0],
  };
}

function readPalette(
  view: DataView,
  headerBytes: number,
  isOs2: boolean,
  most: number,
  pixelOffset: number,
): BmpHeader['palette'] {
  const entryBytes = isOs2 ? 3 : 4;
  const given = isOs2 ? 0 : view.getUint32(46, true);
  const start = FILE_HEADER_BYTES + headerBytes;
  const room = Math.floor((pixelOffset - start) / entryBytes);
  const count = Math.max(0, Math.min(given === 0 ? most : given, most, room));
  return Array.from({ length: count }, (_, index) => {
    const at = start + index * entryBytes;
    return [view.getUint8(at + 2), view.getUint8(at + 1), view.getUint8(at)] as const;
  });
}

/** Pixels as RGBA, row by row from the top. */
export interface RgbaPixels {
  readonly width: number;
  readonly height: number;
  /** `[H, W, 4]` */
  readonly data: Uint8Array;
}

/**
 * The pixels of a bitmap of 1, 4, 8, 16, 24 or 32 bits without compression.
 *
 * @throws RangeError when the file ends before its last row
 */
export function readBmpPixels(view: DataView): RgbaPixels {
  const header = readBmpHeader(view);
  const { width, height, bitsPerPixel, pixelOffset } = header;
  const rowBytes = Math.ceil((width * bitsPerPixel) / 32) * 4;
  // The last row's padding may be missing.
  if (pixelOffset + rowBytes * (height - 1) + Math.ceil((width * bitsPerPixel) / 8) > view.byteLength) {
    throw new RangeError('the pixels are cut off');
  }
  const pixels = new DataView(new ArrayBuffer(width * height * 4));
  const read = pixelReader(view, header);
  for (let y = 0; y < height; y++) {
    const row = pixelOffset + rowBytes * (header.topDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) pixels.setUint32(4 * (y * width + x), read(row, x));
  }
  return { width, height, data: new Uint8Array(pixels.buffer) };
}

/** Reads pixel `x` of the row that begins at `row`, as 0xRRGGBBAA. */
function pixelReader(view: DataView, { bitsPerPixel, palette, masks }: BmpHeader): (row: number, x: number) => number {
  const opaque = (red: number, green: number, blue: number) => ((red << 24) | (green << 16) | (blue << 8) | 0xff) >>> 0;
  if (bitsPerPixel <= 8) {
    const colours = palette.map((colour) => opaque(...colour));
    const perByte = 8 / bitsPerPixel;
    return (row, x) => {
      const shift = 8 - bitsPerPixel * (1 + (x % perByte));
      const index = (view.getUint8(row + Math.floor(x / perByte)) >> shift) & (2 ** bitsPerPixel - 1);
      return colours[index] ?? 0xff;
    };
  }
  if (bitsPerPixel === 24) {
    return (row, x) =>
      opaque(view.getUint8(row + 3 * x + 2), view.getUint8(row + 3 * x + 1), view.getUint8(row + 3 * x));
  }
  const [red, green, blue, alpha] = masks.map(channelReader);
  const bytes = bitsPerPixel / 8;
  return (row, x) => {
    const value = bytes === 2 ? view.getUint16(row + 2 * x, true) : view.getUint32(row + 4 * x, true);
    const channels = [red?.(value) ?? 0, green?.(value) ?? 0, blue?.(value) ?? 0, alpha?.(value) ?? 0xff] as const;
    const [r, g, b, a] = channels;
    return ((r << 24) | (g << 16) | (b << 8) | a) >>> 0;
  };
}

/** Cuts a channel out of a pixel, as 0 to 255; undefined for a mask without bits. */
function channelReader(mask: number): ((value: number) => number) | undefined {
  if (mask === 0) return undefined;
  const shift = 31 - Math.clz32(mask & -mask);
  const largest = mask >>> shift;
  return (value) => Math.round((255 * ((value & mask) >>> shift)) / largest);
}
