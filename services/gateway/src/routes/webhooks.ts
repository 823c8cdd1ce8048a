import { FailedWebhooksResponse, TesseraError, type FailedWebhook, type WebhookDelivery } from '@tessera/contracts';
import type { JobSnapshot } from '@tessera/queue';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { GatewayApp, GatewayContext } from '../context.js';
import { guardProblems, jsonResponse, problemResponses } from '../openapi/responses.js';

/** Failed webhooks that are looked through for those of one key. */
const mostListed = 1_000;

const shared = { tags: ['Webhooks'], security: [{ apiKey: [] }] };
const WebhookParameters = Type.Object({ id: Type.String({ description: 'As in the list of failed webhooks.' }) });

const noBody = { description: 'The webhook waits to be sent.', type: 'null' };

/** `GET /webhooks/failed` and `POST /webhooks/failed/{id}/redeliver`. A key sees the webhooks of its own requests. */
export function addWebhooks(app: GatewayApp, { webhooks }: GatewayContext): void {
  app.get(
    '/webhooks/failed',
    {
      schema: {
        ...shared,
        operationId: 'failedWebhooks',
        summary: 'Webhooks that could not be delivered',
        description:
          'Those of requests with the same API key whose last attempt has failed, at most a thousand. They are kept for `TESSERA_WEBHOOK_FAILED_TTL_S`.',
        response: {
          200: jsonResponse(FailedWebhooksResponse, 'The latest first.'),
          ...problemResponses(...guardProblems, 'TSR_QUEUE_UNAVAILABLE'),
        },
      },
    },
    async (request) => {
      const failed = await webhooks.failed(mostListed);
      return { webhooks: failed.filter((delivery) => isOwn(delivery, request)).map(describe) };
    },
  );

  app.post(
    '/webhooks/failed/:id/redeliver',
    {
      schema: {
        ...shared,
        params: WebhookParameters,
        operationId: 'redeliverWebhook',
        summary: 'Send a failed webhook again',
        description: 'With all its attempts, and the same `webhook-id`.',
        response: {
          202: noBody,
          ...problemResponses(...guardProblems, 'TSR_WEBHOOK_NOT_FOUND', 'TSR_QUEUE_UNAVAILABLE'),
        },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const delivery = await webhooks.get(id);
      if (delivery === null || !isOwn(delivery, request) || !(await webhooks.retry(id, 'failed'))) {
        throw new TesseraError('TSR_WEBHOOK_NOT_FOUND', 'No failed webhook is kept under this id.');
      }
      return reply.code(202).send();
    },
  );
}

function isOwn({ data }: JobSnapshot<WebhookDelivery>, { apiKey }: FastifyRequest): boolean {
  return data.apiKey === apiKey?.name;
}

function describe({ id, data, createdAt, finishedAt, error }: JobSnapshot<WebhookDelivery>): FailedWebhook {
  return {
    id,
    job: data.job,
    type: data.type,
    url: data.url,
    created_at: new Date(createdAt).toISOString(),
    failed_at: new Date(finishedAt ?? createdAt).toISOString(),
    error: error?.detail ?? '',
  };
}
