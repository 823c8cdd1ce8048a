import Type, { type Static } from 'typebox';

const strict = { additionalProperties: false } as const;

/** How a job can end, as the types of webhook events. */
export const WebhookEventType = Type.Enum(['job.succeeded', 'job.failed', 'job.cancelled', 'job.expired']);
export type WebhookEventType = Static<typeof WebhookEventType>;

/** The field of requests that queue a job. */
export const Webhook = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      maxLength: 2_048,
      pattern: '^https?://',
      description: 'Gets a POST when the job has ended: an https URL with a public address.',
    }),
    events: Type.Optional(
      Type.Array(WebhookEventType, {
        minItems: 1,
        uniqueItems: true,
        description: 'Which ends it wants; all of them when this is left out.',
      }),
    ),
  },
  {
    ...strict,
    description:
      'Who is called when the job has ended, with a signed message (Standard Webhooks). The service needs a secret for it.',
  },
);
export type Webhook = Static<typeof Webhook>;

/** A message that waits to be sent, in the queue of webhooks. */
export interface WebhookDelivery {
  readonly url: string;
  /** Name of the API key whose secrets sign it. */
  readonly apiKey?: string | undefined;
  readonly type: WebhookEventType;
  /** Id of the job that has ended. */
  readonly job: string;
  /** The message, JSON. */
  readonly body: string;
}

/** A secret that signs webhooks, as Standard Webhooks writes it: 24 to 64 bytes in base64 after the prefix. */
export const WebhookSecret = Type.String({ pattern: '^whsec_[A-Za-z0-9+/]{32,86}={0,2}$' });
