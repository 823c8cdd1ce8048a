import type { FileHandle } from 'node:fs/promises';

/**
 * A blob on disk is a 24-byte header and the bytes. All integers are big-endian.
 *
 * | offset | bytes | field                                                        |
 * | ------ | ----- | ------------------------------------------------------------ |
 * | 0      | 8     | `TSRBLOB1`                                                   |
 * | 8      | 8     | float64: expiry in ms since the epoch, `Infinity` for never  |
 * | 16     | 8     | uint64: number of bytes that follow                          |
 */
const magic = Buffer.from('TSRBLOB1', 'latin1');
const expiryOffset = 8;
const sizeOffset = 16;
const headerBytes = 24;

export interface BlobHeader {
  readonly expiresAt: number;
  readonly sizeBytes: number;
}

export function encodeHeader({ expiresAt, sizeBytes }: BlobHeader): Buffer {
  const header = Buffer.alloc(headerBytes);
  magic.copy(header);
  header.writeDoubleBE(expiresAt, expiryOffset);
  header.writeBigUInt64BE(BigInt(sizeBytes), sizeOffset);
  return header;
}

/** The header of an open file, or null when the file is foreign, or truncated. */
export async function readHeader(file: FileHandle): Promise<BlobHeader | null> {
  const { size } = await file.stat();
  return decodeHeader(await readStart(file, headerBytes), size);
}

/** Header and bytes of an open file, in one read; null as {@link readHeader}, also when the file becomes shorter meanwhile. */
export async function readBlob(file: FileHandle): Promise<(BlobHeader & { readonly bytes: Uint8Array }) | null> {
  const { size } = await file.stat();
  const content = await readStart(file, size);
  const header = decodeHeader(content, size);
  return header === null || content.length < size ? null : { ...header, bytes: content.subarray(headerBytes) };
}

/** As many bytes as there are, at most `length`. */
async function readStart(file: FileHandle, length: number): Promise<Buffer> {
  const content = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(content, filled, length - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return content.subarray(0, filled);
}

/** @param fileBytes - size of the file that starts so */
function decodeHeader(start: Buffer, fileBytes: number): BlobHeader | null {
  if (start.length < headerBytes || !start.subarray(0, magic.length).equals(magic)) return null;
  const expiresAt = start.readDoubleBE(expiryOffset);
  const sizeBytes = Number(start.readBigUInt64BE(sizeOffset));
  return fileBytes === headerBytes + sizeBytes && !Number.isNaN(expiresAt) ? { expiresAt, sizeBytes } : null;
}

/** Replaces the expiry in place: eight bytes, which no reader sees half-written. */
export async function writeExpiry(file: FileHandle, expiresAt: number): Promise<void> {
  const field = Buffer.alloc(8);
  field.writeDoubleBE(expiresAt);
  await file.write(field, 0, field.length, expiryOffset);
}
