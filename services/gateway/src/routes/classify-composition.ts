import {
  ClassifyCompositionRequest,
  ClassifyCompositionResponse,
  classifyLimits,
  ClassifyOptions,
} from '@tessera/contracts';
import type { GatewayApp, GatewayContext } from '../context.js';
import { imageBodyTypes } from '../plugins/plain-bodies.js';
import { createClassifyJob } from '../intake/classify-job.js';
import type { FormShape } from '../intake/form-fields.js';
import { formAsBody } from '../intake/read-form.js';
import { answerWithJob } from '../jobs/answer-with-job.js';
import { JobHeaders } from '../jobs/job-headers.js';
import {
  guardProblems,
  acceptedResponse,
  imageProblems,
  jobProblems,
  jsonResponse,
  problemResponses,
} from '../openapi/responses.js';

const schema = {
  operationId: 'classifyComposition',
  summary: 'The best (attribute, object) pairs of images',
  description:
    'Give exactly one of `image` and `images`. Candidates are `pairs` when given; otherwise the pairs that the vocabulary was trained on (`world: closed`), or all of its attributes with all of its objects (`world: open`). Scores are shared out among all candidates, before `top_k`.',
  tags: ['Classification'],
  security: [{ apiKey: [] }],
  headers: JobHeaders,
  body: ClassifyCompositionRequest,
  response: {
    200: jsonResponse(ClassifyCompositionResponse, 'Pairs per image, best first.'),
    202: acceptedResponse,
    ...problemResponses(
      ...guardProblems,
      ...imageProblems,
      ...jobProblems,
      'TSR_VOCABULARY_NOT_FOUND',
      'TSR_VOCABULARY_MISMATCH',
      'TSR_VOCABULARY_INVALID',
    ),
  },
};

const form: FormShape = {
  properties: ClassifyCompositionRequest.properties,
  lists: ['images'],
  plurals: { image: 'images' },
  files: ['image', 'images'],
  options: [...Object.keys(ClassifyOptions.properties), 'webhook'],
  maxFiles: classifyLimits.images + 1,
};

/** `POST /classify-composition`: stores the images, queues the job and waits for its result. */
export function addClassifyComposition(app: GatewayApp, context: GatewayContext): void {
  app.post(
    '/classify-composition',
    { schema, config: { bodyTypes: imageBodyTypes }, preValidation: formAsBody(form, context.config) },
    (request, reply) => {
      const { webhook, ...asked } = request.body;
      return answerWithJob(request, reply, context, {
        body: request.body,
        webhook,
        createJob: (id, client) => createClassifyJob(id, asked, request.uploads, context, client),
      });
    },
  );
}
