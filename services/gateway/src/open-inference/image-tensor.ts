import { isAscii } from 'node:buffer';
import { imageId } from '@tessera/blob-store';
import { TesseraError, type ImageSource } from '@tessera/contracts';
import type { InputTensor } from './input-tensor.js';
import { bitmapOf } from './pixels.js';

/** Images of a request, and the files that their ids stand for. */
export interface TensorImages {
  readonly sources: ImageSource[];
  readonly uploads: Map<string, Uint8Array>;
}

/**
 * The images of a tensor: of UINT8 `[H, W, 3]` its pixels, red, green and blue; of BYTES one per element, the file itself
 * or a text as the `image` of `POST /segment`. No image file is ASCII alone, so that texts may come as bytes too.
 *
 * @throws TesseraError `TSR_VALIDATION` for pixels of another shape
 */
export function imagesOf(tensor: InputTensor): TensorImages {
  if (tensor.datatype === 'BYTES') {
    const uploads = new Map<string, Uint8Array>();
    const sources = tensor.elements.map((element) => {
      if (typeof element === 'string') return element;
      return isAscii(element) ? element.toString('latin1') : upload(element, uploads);
    });
    return { sources, uploads };
  }
  const { elements, shape, pointer } = tensor;
  const [height = 0, width = 0, channels] = shape;
  if (shape.length !== 3 || channels !== 3 || height === 0 || width === 0) {
    throw TesseraError.invalid([{ pointer: `${pointer}/shape`, message: 'of pixels must be [height, width, 3]' }]);
  }
  const uploads = new Map<string, Uint8Array>();
  return { sources: [upload(bitmapOf(elements, height, width), uploads)], uploads };
}

function upload(file: Buffer, uploads: Map<string, Uint8Array>): ImageSource {
  const id = imageId(file);
  uploads.set(id, file);
  return { id };
}
