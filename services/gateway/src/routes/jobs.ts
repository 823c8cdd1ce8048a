import { JobResponse, TesseraError, TrainVocabularyJob } from '@tessera/contracts';
import Type from 'typebox';
import { Value } from 'typebox/value';
import type { GatewayApp, GatewayContext } from '../context.js';
import { findJob } from '../jobs/find-job.js';
import { jobResponse } from '../jobs/job-response.js';
import { guardProblems, jsonResponse, problemResponses } from '../openapi/responses.js';

const JobParameters = Type.Object({ id: Type.String({ description: 'As in the `location` of the 202 answer.' }) });
const shared = { tags: ['Jobs'], security: [{ apiKey: [] }], params: JobParameters };
const errors = problemResponses(...guardProblems, 'TSR_JOB_NOT_FOUND', 'TSR_QUEUE_UNAVAILABLE');

/** `GET` and `DELETE /jobs/{id}`. */
export function addJobs(app: GatewayApp, context: GatewayContext): void {
  const { vocabularies } = context;
  app.get(
    '/jobs/:id',
    {
      schema: {
        ...shared,
        operationId: 'getJob',
        summary: 'A job and, once it has succeeded, its result',
        description: 'A failed job is a 200 too: its `error` has the problem details.',
        response: { 200: jsonResponse(JobResponse, 'The job as it is now.'), ...errors },
      },
    },
    async ({ params, log }) => {
      const found = await findJob(params.id, context);
      if (found === null) throw unknownJob();
      return jobResponse(found.job, context, log);
    },
  );

  app.delete(
    '/jobs/:id',
    {
      schema: {
        ...shared,
        operationId: 'cancelJob',
        summary: 'Cancel a job',
        description: 'A waiting job is never run. A job that has finished already stays as it is.',
        response: {
          200: jsonResponse(JobResponse, 'The job has ended; see `status`.'),
          202: jsonResponse(JobResponse, 'The job is running and has been asked to stop.'),
          ...errors,
        },
      },
    },
    async ({ params, log }, reply) => {
      const found = await findJob(params.id, context);
      const outcome = await found?.queue.cancel(params.id);
      const job = await found?.queue.get(params.id);
      if (!job) throw unknownJob();
      // A running training is cleaned up after by its worker; this one will never see any.
      if (outcome === 'cancelled' && Value.Check(TrainVocabularyJob, job.data))
        await vocabularies.forget(job.id, job.data.name);
      return reply.code(outcome === 'cancelling' ? 202 : 200).send(await jobResponse(job, context, log));
    },
  );
}

function unknownJob(): TesseraError {
  return new TesseraError('TSR_JOB_NOT_FOUND', 'No job is kept under this id.');
}
