import { join } from 'node:path';
import type { Config } from '@tessera/contracts';
import type { BlobCache } from './blob-cache.js';
import { FileBlobCache } from './file-blob-cache.js';
import { openRedisBlobCache } from './redis-blob-cache.js';

/**
 * Opens the cache that workers share: in Redis when `REDIS_URL` is set, else under `DATA_DIR`.
 *
 * @param onError - gets every failure of a connection, also of those it recovers from
 * @returns nothing when `TESSERA_EMBEDDING_CACHE_MB` is 0
 */
export async function openBlobCache(config: Config, onError: (error: Error) => void): Promise<BlobCache | undefined> {
  const { REDIS_URL: url, DATA_DIR: directory, TESSERA_EMBEDDING_CACHE_MB: megabytes } = config;
  if (megabytes === 0) return undefined;
  // No longer than the image itself.
  const limits = { limitBytes: megabytes * 1_000_000, ttlMs: config.TESSERA_IMAGE_TTL_S * 1000 };
  return url === undefined
    ? new FileBlobCache({ directory: join(directory, 'embeddings'), ...limits })
    : await openRedisBlobCache({ url, onError, ...limits });
}
