import { getImage, type BlobStore } from '@tessera/blob-store';
import { TesseraError } from '@tessera/contracts';

/** An image of a request, read from the blob store when a model needs its bytes. */
export function storedImage(id: string, blobs: BlobStore): { readonly id: string; read(): Promise<Uint8Array> } {
  return {
    id,
    async read() {
      const bytes = await getImage(blobs, id);
      if (bytes) return bytes;
      throw new TesseraError('TSR_IMAGE_NOT_FOUND', `The image ${id} expired before the job ran; send it again.`);
    },
  };
}
