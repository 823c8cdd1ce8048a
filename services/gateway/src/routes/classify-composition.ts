import { ClassifyCompositionRequest, ClassifyCompositionResponse, TesseraError } from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { jsonResponse, problemResponses } from '../openapi/responses.js';

/** `POST /classify-composition`: in the contract already, validated, not served yet. */
export function addClassifyComposition(app: GatewayApp): void {
  app.post(
    '/classify-composition',
    {
      schema: {
        operationId: 'classifyComposition',
        summary: 'The best (attribute, object) pairs of an image',
        description:
          'The contract of a coming version: bodies are validated, valid ones are answered 501. Give exactly one of `image` and `images`.',
        tags: ['Classification'],
        security: [{ apiKey: [] }],
        body: ClassifyCompositionRequest,
        response: {
          200: jsonResponse(ClassifyCompositionResponse, 'Pairs per image, best first.'),
          ...problemResponses(
            'TSR_VALIDATION',
            'TSR_BODY_INVALID',
            'TSR_UNAUTHORIZED',
            'TSR_BODY_TOO_LARGE',
            'TSR_MEDIA_TYPE_UNSUPPORTED',
            'TSR_NOT_IMPLEMENTED',
          ),
        },
      },
    },
    ({ body }) => {
      if ((body.image === undefined) === (body.images === undefined)) {
        const message = 'give exactly one of image and images';
        throw new TesseraError('TSR_VALIDATION', 'Give exactly one of /image and /images.', {
          fields: [
            { pointer: '/image', message },
            { pointer: '/images', message },
          ],
        });
      }
      throw new TesseraError('TSR_NOT_IMPLEMENTED', 'Compositional classification is not served yet.');
    },
  );
}
