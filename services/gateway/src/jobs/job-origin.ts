import { TesseraError, type JobOrigin, type Webhook } from '@tessera/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayContext } from '../context.js';
import { checkWebhookUrl } from '../webhooks/webhook-policy.js';

/**
 * Who asks for a job, by which request, and who is to be called when it has ended.
 *
 * @throws TesseraError `TSR_WEBHOOK_URL_FORBIDDEN`, `TSR_WEBHOOK_SECRET_MISSING`, `TSR_VALIDATION`
 */
export function jobOrigin(
  request: FastifyRequest,
  webhook: Webhook | undefined,
  { webhookSecrets, webhookPolicy, tracing }: GatewayContext,
): JobOrigin {
  const apiKey = request.apiKey?.name;
  const traceId = tracing.ids()?.trace_id;
  const origin = {
    requestId: request.id,
    ...(apiKey === undefined ? {} : { apiKey }),
    ...(traceId === undefined ? {} : { traceId }),
  };
  if (webhook === undefined) return origin;
  checkWebhookUrl(webhook.url, webhookPolicy);
  if (webhookSecrets.of(apiKey).length === 0) {
    const whose = apiKey === undefined ? 'requests without an API key' : `the API key ${apiKey}`;
    throw new TesseraError('TSR_WEBHOOK_SECRET_MISSING', `The service has no webhook secret for ${whose}.`);
  }
  return { ...origin, webhook };
}
