import { join } from 'node:path';
import type { Config } from '@tessera/contracts';
import type { BlobStore } from './blob-store.js';
import { openFileBlobStore } from './file-blob-store.js';
import { openRedisBlobStore } from './redis-blob-store.js';

/**
 * Opens the blob store: in Redis when `REDIS_URL` is set, else under `DATA_DIR`.
 *
 * @param onError - gets every failure, also of those the store recovers from
 * @throws Error when `DATA_DIR` cannot be written
 */
export async function openBlobStore(config: Config, onError: (error: Error) => void): Promise<BlobStore> {
  const { REDIS_URL: url, DATA_DIR: directory } = config;
  return url === undefined
    ? await openFileBlobStore({ directory: join(directory, 'blobs'), onError })
    : await openRedisBlobStore({ url, onError });
}
