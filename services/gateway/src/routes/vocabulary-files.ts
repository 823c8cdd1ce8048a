import { VocabularyDescription, vocabularyMediaType } from '@tessera/contracts';
import type { GatewayApp, GatewayContext } from '../context.js';
import { guardProblems, jsonResponse, loadProblems, problemResponses } from '../openapi/responses.js';
import { wrongType } from '../problems/translate-error.js';
import { VocabularyParameters } from './vocabularies.js';

const shared = { tags: ['Vocabularies'], security: [{ apiKey: [] }], params: VocabularyParameters };
const bodyTypes = `${vocabularyMediaType} or application/octet-stream`;
const binary = { type: 'string', contentMediaType: vocabularyMediaType };

/** `GET` and `PUT /vocabularies/{name}/file`: a vocabulary as one file, to be kept or moved to another service. */
export function addVocabularyFiles(app: GatewayApp, { vocabularies }: GatewayContext): void {
  // Only these routes take bytes as a body.
  app.addContentTypeParser(
    [vocabularyMediaType, 'application/octet-stream'],
    { parseAs: 'buffer' },
    (_request, body, done) => {
      done(null, body);
    },
  );

  app.get(
    '/vocabularies/:name/file',
    {
      schema: {
        ...shared,
        operationId: 'exportVocabulary',
        summary: 'A vocabulary as a file',
        response: {
          200: { description: 'A safetensors file.', content: { [vocabularyMediaType]: { schema: binary } } },
          ...problemResponses('TSR_VALIDATION', ...guardProblems, 'TSR_VOCABULARY_NOT_FOUND', 'TSR_QUEUE_UNAVAILABLE'),
        },
      },
    },
    async ({ params }, reply) => {
      const file = await vocabularies.file(params.name);
      return reply
        .type(vocabularyMediaType)
        .header('content-disposition', `attachment; filename="${params.name}.tessera-vocabulary"`)
        .send(Buffer.from(file.buffer, file.byteOffset, file.byteLength));
    },
  );

  app.put(
    '/vocabularies/:name/file',
    {
      config: { bodyTypes },
      schema: {
        ...shared,
        operationId: 'importVocabulary',
        summary: 'Store a vocabulary from a file',
        description:
          'Stores it under the name in the path, also when the file has another name. Replaces a vocabulary of this name.',
        response: {
          200: jsonResponse(VocabularyDescription, 'Replaced.'),
          201: jsonResponse(VocabularyDescription, 'Created.'),
          ...problemResponses(
            'TSR_VALIDATION',
            ...guardProblems,
            'TSR_VOCABULARY_CONFLICT',
            'TSR_BODY_TOO_LARGE',
            'TSR_MEDIA_TYPE_UNSUPPORTED',
            'TSR_VOCABULARY_INVALID',
            ...loadProblems,
            'TSR_QUEUE_UNAVAILABLE',
          ),
        },
      },
    },
    async ({ params, body }, reply) => {
      if (!Buffer.isBuffer(body)) {
        throw wrongType(bodyTypes);
      }
      const { isNew, description } = await vocabularies.import(params.name, body);
      return reply.code(isNew ? 201 : 200).send(description);
    },
  );
}
