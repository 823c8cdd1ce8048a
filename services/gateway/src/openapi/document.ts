import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import * as contracts from '@tessera/contracts';
import type { GatewayApp } from '../context.js';
import { classifyExamples, segmentAnswer, segmentExamples } from './examples.js';
import { canonical, referToComponents, toSchema2020, type Json } from './schema-dialect.js';

const description = `
Masks and labels from images.

* **Segmentation**: an image and a sentence in, a mask out (COCO RLE, polygons or PNG), with a calibrated probability
  that the sentence has a target at all.
* **Compositional classification**: an image and attributes × objects in, the best pairs out.

Requests wait for their result. With \`Prefer: respond-async\`, or when the result takes longer than the wait, the
answer is 202 and a job to ask for at \`/jobs/{id}\`. Coordinates are pixels of the image as a person sees it (EXIF
orientation applied), origin top left. Errors are problem details (RFC 9457) with a stable \`code\`.
`.trim();

const tags = [
  { name: 'Segmentation', description: 'From a sentence to a mask' },
  { name: 'Classification', description: 'Attributes and objects' },
  { name: 'Jobs', description: 'Results that take longer' },
  { name: 'Operations', description: 'Models, health and metrics' },
];

/** Schemas that the document shows by name. */
const namedSchemas = {
  SegmentRequest: contracts.SegmentRequest,
  SegmentResponse: contracts.SegmentResponse,
  SegmentQueryResult: contracts.SegmentQueryResult,
  SegmentInstance: contracts.SegmentInstance,
  Mask: contracts.Mask,
  ImageSource: contracts.ImageSource,
  ClassifyCompositionRequest: contracts.ClassifyCompositionRequest,
  ClassifyCompositionResponse: contracts.ClassifyCompositionResponse,
  JobResponse: contracts.JobResponse,
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
          apiKey: { type: 'http', scheme: 'bearer', description: 'One of `API_KEYS`, when any is configured.' },
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
    components: {
      ...components,
      schemas: Object.fromEntries(schemas.map(([name, schema]) => [name, referToComponents(schema, names, name)])),
    },
  };
}

/** The parts of a documented route that {@link addBodies} adds to. */
interface DocumentedPost {
  readonly requestBody: { readonly content: Record<string, object> };
  readonly responses: Readonly<Record<string, { readonly content: Record<string, { example?: object }> }>>;
}

/** Adds what route schemas cannot say: examples, and the form that `POST /segment` takes as well. */
function addBodies(paths: Record<string, Json>): Json {
  const bodies = paths as Record<string, { post?: DocumentedPost }>;
  const segment = bodies['/segment']?.post?.requestBody.content;
  const classify = bodies['/classify-composition']?.post?.requestBody.content;
  const answer = bodies['/segment']?.post?.responses['200']?.content['application/json'];
  if (segment === undefined || classify === undefined || answer === undefined)
    throw new Error('A documented route is missing');
  segment['application/json'] = { ...segment['application/json'], examples: segmentExamples };
  segment['multipart/form-data'] = { schema: segmentForm };
  answer.example = segmentAnswer;
  classify['application/json'] = { ...classify['application/json'], examples: classifyExamples };
  return paths;
}

const segmentForm = {
  type: 'object',
  required: ['image'],
  properties: {
    image: { type: 'string', format: 'binary', contentMediaType: 'application/octet-stream', description: 'The file.' },
    query: contracts.SegmentRequest.properties.query,
    queries: {
      ...contracts.SegmentRequest.properties.queries,
      description: 'Several queries: repeat the field. Give either `query` or `queries`.',
    },
    options: {
      type: 'string',
      contentMediaType: 'application/json',
      description: 'The other fields of the JSON body as one JSON object.',
      examples: ['{"refine": false, "output": {"format": "png"}}'],
    },
  },
};

function packageVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
