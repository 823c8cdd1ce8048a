import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import * as contracts from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import {
  exampleImage,
  classifyAnswer,
  classifyExamples,
  imageAnswer,
  imageExamples,
  inferenceExamples,
  predictExamples,
  segmentAnswer,
  segmentExamples,
  setupExamples,
  trainingAnswer,
  trainingExamples,
} from './examples.js';
import { JobEvent } from './job-event.js';
import { sentWebhooks } from './sent-webhooks.js';
import { canonical, referToComponents, toSchema2020, type Json } from './schema-dialect.js';

const description = `
Masks and labels from images.

* **Segmentation**: an image and a sentence in, a mask out (COCO RLE, polygons or PNG), with a calibrated probability
  that the sentence has a target at all.
* **Compositional classification**: an image and attributes × objects in, the best pairs out, also pairs that no
  training example had. Vocabularies of soft prompts are trained on examples of your own.

Requests wait for their result. With \`Prefer: respond-async\`, or when the result takes longer than the wait, the
answer is 202 and a job to ask for at \`/jobs/{id}\`, or to follow at \`/jobs/{id}/events\`; a \`webhook\` is called when it has ended. Coordinates are pixels of the image as a person sees it (EXIF
orientation applied), origin top left. Errors are problem details (RFC 9457) with a stable \`code\`.
`.trim();

const tags = [
  { name: 'Segmentation', description: 'From a sentence to a mask' },
  { name: 'Classification', description: 'Attributes and objects' },
  { name: 'Images', description: 'Sent once, used often' },
  { name: 'Vocabularies', description: 'Soft prompts, trained on examples' },
  { name: 'Open Inference Protocol', description: 'For clients of KServe and Triton' },
  { name: 'Label Studio', description: 'A machine learning backend for it' },
  { name: 'Jobs', description: 'Results that take longer' },
  { name: 'Webhooks', description: 'Messages when jobs have ended' },
  { name: 'Operations', description: 'Models, health and metrics' },
];

/** Schemas that the document shows by name. */
const namedSchemas = {
  SegmentRequest: contracts.SegmentRequest,
  SegmentPrompt: contracts.SegmentPrompt,
  SegmentResponse: contracts.SegmentResponse,
  SegmentQueryResult: contracts.SegmentQueryResult,
  SegmentInstance: contracts.SegmentInstance,
  Mask: contracts.Mask,
  ImageSource: contracts.ImageSource,
  StoreImageRequest: contracts.StoreImageRequest,
  StoredImage: contracts.StoredImage,
  ClassifyCompositionRequest: contracts.ClassifyCompositionRequest,
  ClassifyCompositionResponse: contracts.ClassifyCompositionResponse,
  CompositionResult: contracts.CompositionResult,
  CompositionPrediction: contracts.CompositionPrediction,
  CompositionWarning: contracts.CompositionWarning,
  InlineVocabulary: contracts.InlineVocabulary,
  TrainVocabularyRequest: contracts.TrainVocabularyRequest,
  TrainingRecipe: contracts.TrainingRecipe,
  TrainingEpoch: contracts.TrainingEpoch,
  VocabularyMetrics: contracts.VocabularyMetrics,
  VocabularyDescription: contracts.VocabularyDescription,
  VocabularySummary: contracts.VocabularySummary,
  VocabulariesResponse: contracts.VocabulariesResponse,
  PredictRequest: contracts.PredictRequest,
  PredictResponse: contracts.PredictResponse,
  ContextRegion: contracts.ContextRegion,
  PredictedRegion: contracts.PredictedRegion,
  BrushRegion: contracts.BrushRegion,
  PolygonRegion: contracts.PolygonRegion,
  RectangleRegion: contracts.RectangleRegion,
  Prediction: contracts.Prediction,
  InferenceRequest: contracts.InferenceRequest,
  InferenceInput: contracts.InferenceInput,
  InferenceResponse: contracts.InferenceResponse,
  InferenceOutput: contracts.InferenceOutput,
  ModelMetadata: contracts.ModelMetadata,
  TensorMetadata: contracts.TensorMetadata,
  InferenceProblem: contracts.InferenceProblem,
  JobResponse: contracts.JobResponse,
  JobEvent,
  Progress: contracts.Progress,
  Webhook: contracts.Webhook,
  WebhookMessage: contracts.WebhookMessage,
  FailedWebhook: contracts.FailedWebhook,
  ModelDescription: contracts.ModelDescription,
  ModelsResponse: contracts.ModelsResponse,
  ReadyzResponse: contracts.ReadyzResponse,
  ProblemDetails: contracts.ProblemDetails,
};

/** Collects the OpenAPI 3.1 document from the routes that are registered after this call. */
export async function describeApi(app: GatewayApp): Promise<void> {
  await app.register(swagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Tessera', version: packageVersion(), description, license: { name: 'Apache-2.0' } },
      tags,
      components: {
        securitySchemes: {
          apiKey: { type: 'http', scheme: 'bearer', description: 'One of the service’s API keys, when it has any.' },
          basic: { type: 'http', scheme: 'basic', description: 'The same as the password, with any user name.' },
        },
      },
      servers: [{ url: '/' }],
    },
    transformObject: (documentObject) => {
      if (!('openapiObject' in documentObject)) throw new Error('The document is not OpenAPI 3');
      return refine(documentObject.openapiObject as unknown as Json) as unknown as typeof documentObject.openapiObject;
    },
  });
}

/** The document as it is served and committed: 2020-12 schemas, named components, forms and examples. */
function refine(document: Json): Json {
  const schemas = Object.entries(namedSchemas).map(
    ([name, schema]) => [name, toSchema2020(JSON.parse(JSON.stringify(schema)) as Json)] as const,
  );
  const names = new Map(schemas.map(([name, schema]) => [canonical(schema), name]));
  const { paths, components, ...head } = JSON.parse(JSON.stringify(document)) as Record<string, Record<string, Json>>;
  const described = addBodies(paths ?? {});
  return {
    ...head,
    paths: referToComponents(toSchema2020(described), names),
    webhooks: referToComponents(toSchema2020(JSON.parse(JSON.stringify(sentWebhooks)) as Json), names),
    components: {
      ...components,
      schemas: Object.fromEntries(schemas.map(([name, schema]) => [name, referToComponents(schema, names, name)])),
    },
  };
}

/** The parts of a documented route that {@link addBodies} adds to. */
interface DocumentedPost {
  parameters?: readonly object[];
  readonly requestBody: { description?: string; readonly content: Record<string, object> };
  readonly responses: Readonly<Record<string, { readonly content: Record<string, { example?: object }> }>>;
}

/** Adds what route schemas cannot express: examples, and the forms that routes also take. */
function addBodies(paths: Record<string, Json>): Json {
  const bodies = paths as Record<string, { post?: DocumentedPost }>;
  const documented = [
    { path: '/images', examples: imageExamples, answer: ['200', imageAnswer], form: imageForm, raw: null },
    { path: '/segment', examples: segmentExamples, answer: ['200', segmentAnswer], form: segmentForm, raw: queryField },
    {
      path: '/classify-composition',
      examples: classifyExamples,
      answer: ['200', classifyAnswer],
      form: classifyForm,
      raw: vocabularyField,
    },
    {
      path: '/vocabularies',
      examples: trainingExamples,
      answer: ['202', trainingAnswer],
      form: trainingForm,
      raw: undefined,
    },
  ] as const;
  for (const { path, examples, answer, form, raw } of documented) {
    const post = bodies[path]?.post;
    const response = post?.responses[answer[0]]?.content['application/json'];
    if (post === undefined || response === undefined) throw new Error(`The documented route ${path} is missing`);
    const { content } = post.requestBody;
    content['application/json'] = { ...content['application/json'], examples };
    content['multipart/form-data'] = { schema: form };
    post.requestBody.description =
      'JSON and forms are complete as they are; an image as the body, and an archive, is a file to be chosen.';
    if (raw !== undefined) addImageBody(post, raw);
    response.example = answer[1];
  }
  for (const [path, examples] of [
    ['/label-studio/predict', predictExamples],
    ['/label-studio/setup', setupExamples],
    ['/v2/models/{name}/infer', inferenceExamples],
  ] as const) {
    const json = bodies[path]?.post?.requestBody.content['application/json'];
    if (json === undefined) throw new Error(`The documented route ${path} is missing`);
    Object.assign(json, { examples });
  }
  const file = (paths as Record<string, { put?: Partial<DocumentedPost> }>)['/vocabularies/{name}/file']?.put;
  if (file === undefined) throw new Error('The documented route of vocabulary files is missing');
  Object.assign(file, { requestBody: { required: true, content: vocabularyFile } });
  return paths;
}

/** The image as the body, with the fields of the form, if it has any more, in the query string. */
function addImageBody(post: DocumentedPost, field: { name: string; example: string } | null): void {
  for (const type of ['image/jpeg', 'application/octet-stream']) {
    post.requestBody.content[type] = { schema: { type: 'string', format: 'binary', contentMediaType: type } };
  }
  if (field === null) return;
  post.parameters = [
    ...(post.parameters ?? []),
    {
      name: field.name,
      in: 'query',
      schema: { type: 'string' },
      // The documentation page fills in the first one, which sends nothing.
      examples: {
        body: { summary: 'With JSON or a form: nothing, it is in the body', value: '' },
        image: { summary: 'With an image as the body', value: field.example },
      },
      description: `With an image as the body alone: \`${field.name}\`, as the other fields of the form, is in the query string. With JSON or a form it is refused here.`,
    },
  ];
}

/** Fields that an image as the body needs, with a text that answers any photo. */
const queryField = { name: 'query', example: 'the person' };
const vocabularyField = {
  name: 'vocabulary',
  example: '{"attributes": ["red", "blue"], "objects": ["dress", "shirt"]}',
};

const vocabularyFile = {
  [contracts.vocabularyMediaType]: {
    schema: { type: 'string', format: 'binary', contentMediaType: contracts.vocabularyMediaType },
  },
};

const optionsField = (example: object) => ({
  type: 'string',
  description: 'The other fields of the JSON body as one JSON object.',
  examples: [JSON.stringify(example)],
});

const fileField = (description: string) => ({
  type: 'string',
  format: 'binary',
  contentMediaType: 'application/octet-stream',
  description,
});

/** An image as text, so that a form is complete as it opens, or the file that is chosen beside it. */
const imageFields = {
  image: {
    type: 'string',
    description: 'A data URL, base64, an https URL, or the id of an image sent before; it may be a file, too.',
    // As base64 alone: curl, as the page shows it, cuts the value of `-F` at a semicolon.
    examples: [exampleImage.slice(exampleImage.indexOf(',') + 1)],
  },
  file: fileField('A file in place of the text of `image`.'),
};

const imageForm = { type: 'object', properties: imageFields };

const classifyForm = {
  type: 'object',
  required: ['vocabulary'],
  properties: {
    ...imageFields,
    file: fileField('A file in place of the text of `image`. For several images repeat the field.'),
    vocabulary: {
      type: 'string',
      description: 'The name of a trained vocabulary, or a JSON object with `attributes` and `objects`.',
      examples: ['{"attributes": ["ceramic", "furry"], "objects": ["cup", "cat"]}'],
    },
    options: optionsField({ top_k: 3, marginals: true }),
  },
};

const trainingForm = {
  type: 'object',
  required: ['name', 'archive'],
  description: 'The archive comes last.',
  properties: {
    name: { ...contracts.TrainingOptions.properties.name, examples: [trainingExamples.inline.value.name] },
    method: contracts.TrainingOptions.properties.method,
    options: optionsField({ recipe: { epochs: 10 }, replace: true }),
    archive: fileField('A tar or tar.gz with metadata.json and images/.'),
  },
};

/** The documentation page fills a text without an example with a placeholder, and sends it. */
const leftEmpty = '';

const segmentForm = {
  type: 'object',
  properties: {
    ...imageFields,
    query: {
      ...contracts.SegmentRequest.properties.query,
      description: 'What to segment, in words.',
      examples: ['the cup'],
    },
    queries: {
      type: 'string',
      description:
        'Several queries in place of `query`: a JSON list, as in `["the cup", "the table"]`, or the field repeated.',
      examples: [leftEmpty],
    },
    prompts: {
      type: 'string',
      description:
        'Boxes and points as in the JSON body, as one JSON list: `[{"box": [27, 2, 42, 51]}]`. Alone they replace `query`; beside it they correct its answer.',
      examples: [leftEmpty],
    },
    options: optionsField({ output: { instances: true } }),
  },
};

/** Version of the service. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
