import { StoredImage, StoreImageRequest } from '@tessera/contracts';
import type { GatewayApp, GatewayContext } from '../context.js';
import { imageBodyTypes } from '../plugins/plain-bodies.js';
import type { FormShape } from '../intake/form-fields.js';
import { formAsBody } from '../intake/read-form.js';
import { storedImageHeader, storeImage } from '../intake/store-image.js';
import { clientGone } from '../jobs/client-gone.js';
import { guardProblems, imageProblems, jsonResponse, loadProblems, problemResponses } from '../openapi/responses.js';

const schema = {
  operationId: 'storeImage',
  summary: 'Store an image once, for its id',
  description:
    'The id stands for the image in later requests, which then send no bytes. Storing an image again, or its id as the `image`, keeps it for longer. The header is checked here; damage further in shows when the image is decoded, with the first request that uses it.',
  tags: ['Images'],
  security: [{ apiKey: [] }],
  body: StoreImageRequest,
  response: {
    200: jsonResponse(StoredImage, 'The image is stored.'),
    ...problemResponses(...guardProblems, ...imageProblems, ...loadProblems, 'TSR_QUEUE_UNAVAILABLE'),
  },
};

const form: FormShape = {
  properties: StoreImageRequest.properties,
  lists: [],
  files: ['image'],
  options: [],
  maxFiles: 2,
};

/** `POST /images`: checks and stores an image. */
export function addImages(app: GatewayApp, context: GatewayContext): void {
  app.post(
    '/images',
    { schema, config: { bodyTypes: imageBodyTypes }, preValidation: formAsBody(form, context.config) },
    async (request, reply) => {
      const id = await storeImage(request.body.image, request.uploads, context, clientGone(reply));
      const { width, height } = await storedImageHeader(id, context);
      return { id, width, height, ttl_s: context.config.TESSERA_IMAGE_TTL_S };
    },
  );
}
