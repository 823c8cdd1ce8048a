import { jobOptionsKey } from '@tessera/blob-store';
import {
  ClassifyCompositionRequest,
  ClassifyCompositionResponse,
  classifyLimits,
  ClassifyOptions,
  TesseraError,
  type ClassifyJob,
  type ImageSource,
} from '@tessera/contracts';
import type { GatewayApp, GatewayContext } from '../context.js';
import { checkCandidates } from '../intake/check-candidates.js';
import type { FormShape } from '../intake/form-fields.js';
import { formAsBody } from '../intake/read-form.js';
import { at, severalAtOnce } from '../intake/several-at-once.js';
import { storeImage } from '../intake/store-image.js';
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
import { exactlyOne } from '../problems/exactly-one.js';
import { requireModel } from '../workers/require-model.js';

/** Images of one request that are fetched and stored at the same time. */
const imagesAtOnce = 4;
/** Longer options go through the blob store: the queue is for small jobs. */
const longestInlineOptions = 65_536;

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
  app.post('/classify-composition', { schema, preValidation: formAsBody(form, context.config) }, (request, reply) => {
    const { webhook, ...asked } = request.body;
    return answerWithJob(request, reply, context, {
      body: request.body,
      webhook,
      createJob: (id, client) => createJob(id, asked, request.uploads, context, client),
    });
  });
}

async function createJob(
  id: string,
  { image, images, ...options }: Omit<ClassifyCompositionRequest, 'webhook'>,
  uploads: ReadonlyMap<string, Uint8Array>,
  context: GatewayContext,
  client: AbortSignal,
): Promise<ClassifyJob> {
  const sources = oneOf(image, images);
  checkCandidates(options);
  const { model, vocabulary } = options;
  if (model !== undefined) await requireModel(model, 'composition', context.workers);
  if (typeof vocabulary === 'string' && !(await context.vocabularies.has(vocabulary))) {
    throw new TesseraError('TSR_VOCABULARY_NOT_FOUND', `There is no vocabulary "${vocabulary}".`);
  }
  const imageIds: string[] = sources.map(() => '');
  await severalAtOnce(sources.entries(), imagesAtOnce, async ([index, source]) => {
    const pointer = image === undefined ? `/images/${index}` : '/image';
    imageIds[index] = await at(pointer, storeImage(source, uploads, context, client));
  });
  return { kind: 'classify', imageIds, options: await storeOptions(id, options, context) };
}

async function storeOptions(
  id: string,
  options: ClassifyOptions,
  { blobs, config }: GatewayContext,
): Promise<ClassifyJob['options']> {
  const text = JSON.stringify(options);
  if (text.length <= longestInlineOptions) return options;
  const key = jobOptionsKey(id);
  await blobs.put(key, Buffer.from(text), { ttlMs: config.TESSERA_IMAGE_TTL_S * 1000 });
  return { key };
}

function oneOf(image: ImageSource | undefined, images: ImageSource[] | undefined): ImageSource[] {
  if (image !== undefined && images === undefined) return [image];
  if (image === undefined && images !== undefined) return images;
  throw exactlyOne('image', 'images');
}
