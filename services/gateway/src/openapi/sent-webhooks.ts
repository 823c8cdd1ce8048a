import { WebhookMessage } from '@tessera/contracts';

const header = (name: string, description: string) => ({
  name,
  in: 'header',
  required: true,
  schema: { type: 'string' },
  description,
});

/** The requests that the service itself sends, to the URLs of webhooks. */
export const sentWebhooks = {
  jobEnded: {
    post: {
      operationId: 'jobEnded',
      summary: 'A job has ended',
      description:
        'Sent to the `webhook` of a request, signed after the Standard Webhooks specification. What is not answered with a status from 200 to 299 in time is sent again, later and later; 410 ends that. Redirects are not followed.',
      tags: ['Webhooks'],
      parameters: [
        header('webhook-id', 'The same for every attempt at this message.'),
        header('webhook-timestamp', 'When it was sent, in seconds since 1970.'),
        header('webhook-signature', '`v1,` and the signature in base64; several are separated by spaces.'),
      ],
      requestBody: { required: true, content: { 'application/json': { schema: WebhookMessage } } },
      responses: {
        '2XX': { description: 'Accepted.' },
        '410': { description: 'Not wanted any more: the message is not sent again.' },
      },
    },
  },
} as const;
