import Type, { type Static } from 'typebox';
import { JobResponse } from './job.js';
import { WebhookEventType } from './webhook.js';

const Timestamp = Type.String({ format: 'date-time' });
const EndedJob = Type.Omit(JobResponse, ['result', 'position']);

/** The body of a webhook, after the Standard Webhooks specification. */
export const WebhookMessage = Type.Object(
  {
    type: WebhookEventType,
    timestamp: Type.String({ format: 'date-time', description: 'When the job ended.' }),
    data: Type.Object(
      {
        ...EndedJob.properties,
        kind: Type.String({ description: 'segment, classify or train-vocabulary.' }),
      },
      { description: 'The job without its result, which `GET /jobs/{id}` has while it is kept.' },
    ),
  },
  { description: 'What a webhook gets when a job has ended. It may come more than once, with the same `webhook-id`.' },
);
export type WebhookMessage = Static<typeof WebhookMessage>;

/** A message that could not be delivered. */
export const FailedWebhook = Type.Object({
  id: Type.String({ description: 'The `webhook-id` of the message.' }),
  job: Type.String(),
  type: WebhookEventType,
  url: Type.String(),
  created_at: Timestamp,
  failed_at: Timestamp,
  error: Type.String({ description: 'Why the last attempt failed.' }),
});
export type FailedWebhook = Static<typeof FailedWebhook>;

export const FailedWebhooksResponse = Type.Object({
  webhooks: Type.Array(FailedWebhook, { description: 'The latest first.' }),
});
