import {
  SegmentOptions,
  SegmentRequest,
  SegmentResponse,
  versionMismatch,
  type PictureFormat,
} from '@tessera/contracts';
import type { FastifyReply } from 'fastify';
import type { GatewayApp, GatewayContext } from '../context.js';
import { imageBodyTypes } from '../plugins/plain-bodies.js';
import type { FormShape } from '../intake/form-fields.js';
import { formAsBody } from '../intake/read-form.js';
import { createSegmentJob } from '../intake/segment-job.js';
import { acceptedPicture } from '../jobs/accepted-picture.js';
import { answerWithJob } from '../jobs/answer-with-job.js';
import { JobHeaders } from '../jobs/job-headers.js';
import { guardProblems, acceptedResponse, imageProblems, jobProblems, problemResponses } from '../openapi/responses.js';

const picture = { schema: { type: 'string', format: 'binary' } };
const segmentResponse = {
  description:
    'One result per query, in their order; without a query one per prompt. With an `accept` header for a picture the photo with the masks drawn over it.',
  headers: { link: { type: 'string', description: 'With a picture: the job, whose `result` is the answer in JSON.' } },
  content: { 'application/json': { schema: SegmentResponse }, 'image/png': picture, 'image/jpeg': picture },
};

const schema = {
  operationId: 'segment',
  summary: 'A mask for a sentence, a box or a click',
  description:
    'Give exactly one of `query`, `queries` and `prompts`, or one query and `prompts` that correct its answer. A query without a target is a success: `present` is false and the mask is empty. A client that closes the connection while it waits cancels its job.',
  tags: ['Segmentation'],
  security: [{ apiKey: [] }],
  headers: JobHeaders,
  body: SegmentRequest,
  response: {
    200: segmentResponse,
    202: acceptedResponse,
    ...problemResponses(
      ...guardProblems,
      ...imageProblems,
      ...jobProblems,
      'TSR_NOT_ACCEPTABLE',
      'TSR_OPTION_UNSUPPORTED',
    ),
  },
};

const form: FormShape = {
  properties: SegmentRequest.properties,
  lists: ['queries'],
  plurals: { query: 'queries' },
  files: ['image'],
  options: [...Object.keys(SegmentOptions.properties), 'webhook'],
  maxFiles: 4,
};

/** `POST /segment`: stores the image, queues the job and waits for its result. */
export function addSegment(app: GatewayApp, context: GatewayContext): void {
  app.post(
    '/segment',
    { schema, config: { bodyTypes: imageBodyTypes }, preValidation: formAsBody(form, context.config) },
    (request, reply) => {
      const picture = acceptedPicture(request);
      const body = picture === undefined ? request.body : withOverlay(request.body, picture);
      const { webhook, ...asked } = body;
      return answerWithJob(request, reply, context, {
        body,
        webhook,
        createJob: (_id, client) => createSegmentJob(asked, request.uploads, context, client),
        ...(picture === undefined ? {} : { sendResult: sendOverlay }),
      });
    },
  );
}

function withOverlay(body: SegmentRequest, overlay: PictureFormat): SegmentRequest {
  return { ...body, output: { ...body.output, overlay } };
}

function sendOverlay(result: Buffer, reply: FastifyReply): FastifyReply {
  const { id, overlay } = JSON.parse(result.toString('utf8')) as SegmentResponse;
  const [, type, base64] = /^data:(image\/[a-z]+);base64,(.*)$/.exec(overlay?.image ?? '') ?? [];
  if (type === undefined || base64 === undefined) throw versionMismatch('The result of the worker has no overlay');
  return reply.type(type).header('link', `</jobs/${id}>; rel="describedby"`).send(Buffer.from(base64, 'base64'));
}
