import { Readable } from 'node:stream';
import { TesseraError } from '@tessera/contracts';
import type { FastifyBaseLogger, FastifyReply } from 'fastify';
import Type from 'typebox';
import type { GatewayApp, GatewayContext } from '../context.js';
import { eventStream } from '../jobs/event-stream.js';
import { isLastEvent, JobEvents, parseEventId, type JobEvent } from '../jobs/job-events.js';
import { findJob, type FoundJob } from '../jobs/find-job.js';
import { jobResult } from '../jobs/job-response.js';
import { repeatLost } from '../jobs/lost-result.js';
import { JobEvent as JobEventSchema } from '../openapi/job-event.js';
import { guardProblems, problemResponses } from '../openapi/responses.js';

const schema = {
  operationId: 'followJob',
  summary: 'Follow a job by server-sent events',
  description:
    '`status` and `progress` as they change, then `result` or `error`, with which the stream ends. The data of `status` is a job, of `progress` its progress, of `result` the response of the route that created the job, of `error` problem details. A client that lost its connection continues with `last-event-id`, at any gateway; one that has received the last event gets 204.',
  tags: ['Jobs'],
  security: [{ apiKey: [] }],
  params: Type.Object({ id: Type.String({ description: 'As in the `location` of the 202 answer.' }) }),
  headers: Type.Object({
    'last-event-id': Type.Optional(Type.String({ description: 'The id of the last event that was received.' })),
  }),
  response: {
    200: {
      description: 'Events of this schema, one after the other, with a comment line in every long pause.',
      content: { 'text/event-stream': { schema: JobEventSchema } },
    },
    204: { description: 'No events are left.', type: 'null' },
    ...problemResponses(...guardProblems, 'TSR_JOB_NOT_FOUND', 'TSR_QUEUE_UNAVAILABLE'),
  },
};

/** `GET /jobs/{id}/events`. */
export function addJobEvents(app: GatewayApp, context: GatewayContext): void {
  app.get('/jobs/:id/events', { schema }, async (request, reply) => {
    const { id } = request.params;
    const lastEventId = parseEventId(request.headers['last-event-id']);
    const found = await findJob(id, context);
    if (found === null) throw new TesseraError('TSR_JOB_NOT_FOUND', 'No job is kept under this id.');
    if (isLastEvent(lastEventId)) return reply.code(204).send();
    const signal = untilEitherEnds(reply, context.closing);
    const text = eventStream(events(found, new JobEvents(lastEventId), context, request.log, signal));
    return (
      reply
        .type('text/event-stream')
        .header('x-accel-buffering', 'no')
        // The connection is not used again; left open, it would delay a gateway that closes.
        .header('connection', 'close')
        .send(Readable.from(text, { objectMode: false }))
    );
  });
}

/** Aborts when the connection closes, and when the gateway does: the client then continues at another one. */
function untilEitherEnds(reply: FastifyReply, closing: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    controller.abort();
  };
  if (closing.aborted) stop();
  closing.addEventListener('abort', stop, { once: true });
  reply.raw.once('close', () => {
    closing.removeEventListener('abort', stop);
    stop();
  });
  return controller.signal;
}

async function* events(
  { job: { id }, queue }: FoundJob,
  jobEvents: JobEvents,
  context: GatewayContext,
  log: FastifyBaseLogger,
  signal: AbortSignal,
): AsyncGenerator<readonly JobEvent[]> {
  try {
    for await (const job of queue.follow(id, signal)) {
      const result = await jobResult(job, context.blobs);
      // The client comes back, and follows the job when it runs again.
      if (result === undefined && (await repeatLost(job, context, log))) return;
      yield jobEvents.next(job, result);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
