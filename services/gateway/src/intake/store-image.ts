import { putImage, type BlobStore } from '@tessera/blob-store';
import { imageKey, TesseraError, type Config, type ImageSource } from '@tessera/contracts';
import { imageLimits, inspectImage, resolveImageSource } from '@tessera/images';
import type { GatewayMetrics } from '../metrics.js';
import { bodyLimitBytes } from '../server-options.js';

interface ImageIntake {
  readonly config: Config;
  readonly blobs: BlobStore;
  readonly metrics: GatewayMetrics;
}

/**
 * Brings an image into the blob store, header checked, and gives its id. An image that is there already is kept for
 * another `TESSERA_IMAGE_TTL_S` and not written again.
 *
 * @param source - the request's image field, or the bytes of an uploaded file
 * @param signal - gives up fetching a URL, for instance when the client has gone
 * @throws TesseraError `TSR_IMAGE_NOT_FOUND` for an id that is not stored, and as `resolveImageSource` and
 * `inspectImage` do
 */
export async function storeImage(
  source: ImageSource | Uint8Array,
  { config, blobs, metrics }: ImageIntake,
  signal: AbortSignal,
): Promise<string> {
  const expiry = { ttlMs: config.TESSERA_IMAGE_TTL_S * 1000 };
  if (typeof source === 'object' && 'id' in source) {
    if (await blobs.touch(imageKey(source.id), expiry)) return source.id;
    throw new TesseraError('TSR_IMAGE_NOT_FOUND', `The image ${source.id} is not stored (any more).`);
  }
  const bytes =
    typeof source === 'string'
      ? await resolveImageSource(source, {
          maxBytes: bodyLimitBytes(config),
          fetch: { allowHttp: config.TESSERA_ALLOW_HTTP_IMAGES },
          signal,
        })
      : source;
  await inspectImage(bytes, imageLimits(config.TESSERA_MAX_MEGAPIXELS));
  metrics.imageBytes.observe(bytes.byteLength);
  return putImage(blobs, bytes, expiry);
}
