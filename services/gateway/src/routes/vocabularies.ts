import { VocabulariesResponse, VocabularyDescription, VocabularyName } from '@tessera/contracts';
import Type from 'typebox';
import type { GatewayApp, GatewayContext } from '../context.js';
import { trainingExamples } from '../openapi/examples.js';
import { guardProblems, jsonResponse, problemResponses } from '../openapi/responses.js';

/** The example is the vocabulary that the example of `POST /vocabularies` trains. */
export const VocabularyParameters = Type.Object({
  name: Type.String({ ...VocabularyName, examples: [trainingExamples.inline.value.name] }),
});
const shared = { tags: ['Vocabularies'], security: [{ apiKey: [] }] };
const oneErrors = ['TSR_VALIDATION', ...guardProblems, 'TSR_VOCABULARY_NOT_FOUND', 'TSR_QUEUE_UNAVAILABLE'] as const;

/** `GET /vocabularies`, `GET` and `DELETE /vocabularies/{name}`. */
export function addVocabularies(app: GatewayApp, { vocabularies }: GatewayContext): void {
  app.get(
    '/vocabularies',
    {
      schema: {
        ...shared,
        operationId: 'listVocabularies',
        summary: 'The trained vocabularies, and those in training',
        response: {
          200: jsonResponse(VocabulariesResponse, 'By name.'),
          ...problemResponses(...guardProblems, 'TSR_QUEUE_UNAVAILABLE'),
        },
      },
    },
    async () => ({ vocabularies: await vocabularies.list() }),
  );

  app.get(
    '/vocabularies/:name',
    {
      schema: {
        ...shared,
        params: VocabularyParameters,
        operationId: 'getVocabulary',
        summary: 'A vocabulary: its words, seen pairs, metrics, recipe and training history',
        response: {
          200: jsonResponse(VocabularyDescription, 'The vocabulary.'),
          ...problemResponses(...oneErrors, 'TSR_VOCABULARY_INVALID'),
        },
      },
    },
    ({ params }) => vocabularies.describe(params.name),
  );

  app.delete(
    '/vocabularies/:name',
    {
      schema: {
        ...shared,
        params: VocabularyParameters,
        operationId: 'deleteVocabulary',
        summary: 'Delete a vocabulary',
        response: {
          204: { description: 'It is deleted.', type: 'null' },
          ...problemResponses(...oneErrors, 'TSR_VOCABULARY_CONFLICT'),
        },
      },
    },
    async ({ params }, reply) => {
      await vocabularies.delete(params.name);
      return reply.code(204).send(null);
    },
  );
}
