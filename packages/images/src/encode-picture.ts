import type { PictureFormat } from '@tessera/contracts';

import type { PixelImage } from './decode-image.js';
import { sharp } from './sharp-library.js';

/** High enough that outlines stay sharp. */
const jpegQuality = 88;

/** A file of the pixels. */
export async function encodePicture({ width, height, data }: PixelImage, format: PictureFormat): Promise<Buffer> {
  const pipeline = sharp(data, { raw: { width, height, channels: 3 } });
  const encoded = format === 'png' ? pipeline.png({ compressionLevel: 6 }) : pipeline.jpeg({ quality: jpegQuality });
  return encoded.toBuffer();
}
