import Type, { type Static } from 'typebox';
import { ImageSource } from './segment.js';

export const StoreImageRequest = Type.Object({ image: ImageSource }, { additionalProperties: false });
export type StoreImageRequest = Static<typeof StoreImageRequest>;

export const StoredImage = Type.Object({
  id: Type.String({ description: 'Stands for the image wherever one is sent: `sha256:` and the hash of its bytes.' }),
  width: Type.Integer({ minimum: 1, description: 'Of the image as a person sees it, in pixels.' }),
  height: Type.Integer({ minimum: 1, description: 'Of the image as a person sees it, in pixels.' }),
  ttl_s: Type.Integer({
    minimum: 1,
    description: 'Seconds for which the image is kept after its last use; every use of the id counts.',
  }),
});
export type StoredImage = Static<typeof StoredImage>;
