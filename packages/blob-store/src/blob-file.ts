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
  const header = Buffer.alloc(headerBytes);
  const { bytesRead } = await file.read(header, 0, headerBytes, 0);
  if (bytesRead < headerBytes || !header.subarray(0, magic.length).equals(magic)) return null;
  const expiresAt = header.readDoubleBE(expiryOffset);
  const sizeBytes = Number(header.readBigUInt64BE(sizeOffset));
  const { size } = await file.stat();
  return size === headerBytes + sizeBytes && !Number.isNaN(expiresAt) ? { expiresAt, sizeBytes } : null;
}

/** The bytes after the header; null when the file has become shorter since the header was read. */
export async function readBody(file: FileHandle, { sizeBytes }: BlobHeader): Promise<Uint8Array | null> {
  const body = Buffer.allocUnsafeSlow(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const { bytesRead } = await file.read(body, filled, sizeBytes - filled, headerBytes + filled);
    if (bytesRead === 0) return null;
    filled += bytesRead;
  }
  return body;
}

/** Replaces the expiry in place: eight bytes, which no reader sees half-written. */
export async function writeExpiry(file: FileHandle, expiresAt: number): Promise<void> {
  const field = Buffer.alloc(8);
  field.writeDoubleBE(expiresAt);
  await file.write(field, 0, field.length, expiryOffset);
}
