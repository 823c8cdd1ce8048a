import { createHash } from 'node:crypto';
import { imageKey } from './blob-keys.js';
import type { BlobExpiry, BlobStore } from './blob-store.js';

const imageIdPattern = /^sha256:[0-9a-f]{64}$/;

/** The id of an image: `sha256:` and the hash of its bytes as they were sent. */
export function imageId(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/**
 * Stores an image under its id, which it returns; storing it again renews its expiry.
 *
 * @param mayBeStored - whether to look for it first, which is quicker when it is there; by default yes
 */
export async function putImage(
  store: BlobStore,
  bytes: Uint8Array,
  expiry: BlobExpiry,
  mayBeStored: (id: string) => boolean = () => true,
): Promise<string> {
  const id = imageId(bytes);
  const isRenewed = mayBeStored(id) && (await store.touch(imageKey(id), expiry));
  if (!isRenewed) await store.put(imageKey(id), bytes, expiry);
  return id;
}

/** The bytes of a stored image; null when there is none under the id, also when the id is malformed. */
export async function getImage(store: BlobStore, id: string): Promise<Uint8Array | null> {
  return imageIdPattern.test(id) ? store.get(imageKey(id)) : null;
}
