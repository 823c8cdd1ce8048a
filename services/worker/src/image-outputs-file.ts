import { crc32 } from 'node:zlib';
import { readSafetensors, SafetensorsError, writeSafetensors, type StoredTensor } from '@tessera/composition';
import type { HostTensor, ImageOutputs } from '@tessera/inference';

const checksumBytes = 4;
const sizeKey = 'image_size';

/**
 * Outputs as bytes: a file in the safetensors format, whose metadata has the image's size, and the CRC-32 of that file, as
 * four bytes, little-endian.
 *
 * @throws TypeError for tensors that are neither of floats nor of int64
 */
export function encodeOutputs({ size, tensors }: ImageOutputs): Uint8Array {
  const writable = Object.entries(tensors).map(([name, { type, dims, data }]) => {
    if (type === 'uint8' || type === 'bool' || data instanceof Uint8Array) {
      throw new TypeError(`The output ${name} is ${type}, which is not stored.`);
    }
    return [name, { shape: dims, values: data }] as const;
  });
  const metadata = new Map(size === undefined ? [] : [[sizeKey, `${size.width}x${size.height}`]]);
  const file = writeSafetensors(new Map(writable), metadata);
  const checksum = Buffer.alloc(checksumBytes);
  checksum.writeUInt32LE(crc32(file));
  return Buffer.concat([file, checksum]);
}

/** The outputs of {@link encodeOutputs}; nothing for bytes that are damaged, truncated or of something else. */
export function decodeOutputs(bytes: Uint8Array): ImageOutputs | undefined {
  if (bytes.length < checksumBytes) return undefined;
  const file = bytes.subarray(0, bytes.length - checksumBytes);
  const checksum = Buffer.from(bytes.subarray(file.length)).readUInt32LE();
  if (crc32(file) !== checksum) return undefined;
  try {
    const { metadata, tensors } = readSafetensors(file);
    const read = Array.from(tensors, ([name, tensor]): [string, HostTensor] => [name, hostTensor(tensor)]);
    const [, width, height] = /^(\d{1,9})x(\d{1,9})$/.exec(metadata.get(sizeKey) ?? '')?.map(Number) ?? [];
    const size = width && height ? { size: { width, height } } : {};
    return { ...size, tensors: Object.fromEntries(read) };
  } catch (error) {
    if (error instanceof SafetensorsError) return undefined;
    throw error;
  }
}

/** @throws SafetensorsError for a type that is not written */
function hostTensor({ type, shape, bytes }: StoredTensor): HostTensor {
  // The copy begins at an address that is aligned for every type.
  const { buffer } = new Uint8Array(bytes);
  if (type === 'F32') return { type: 'float32', dims: shape, data: new Float32Array(buffer) };
  if (type === 'F16') return { type: 'float16', dims: shape, data: new Uint16Array(buffer) };
  if (type === 'I64') return { type: 'int64', dims: shape, data: new BigInt64Array(buffer) };
  throw new SafetensorsError(`Tensors of type ${type} are not written.`);
}
