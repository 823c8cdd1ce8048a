import { mayRecover, TesseraError, type WebhookDelivery } from '@tessera/contracts';
import type { OutboundPolicy } from '@tessera/outbound';
import type { JobProcessor, JobQueue } from '@tessera/queue';
import type { FastifyBaseLogger } from 'fastify';
import type { GatewayMetrics } from '../metrics.js';
import { sendWebhook } from './send-webhook.js';
import type { WebhookSecrets } from './webhook-secrets.js';

/** Messages sent at the same time: slow receivers must not hold up the others for long. */
const messagesAtOnce = 64;

interface WebhookDelivering {
  readonly webhooks: JobQueue<WebhookDelivery>;
  readonly secrets: WebhookSecrets;
  readonly policy: OutboundPolicy;
  readonly metrics: GatewayMetrics;
  readonly log: FastifyBaseLogger;
}

/** Sends the messages of the queue of webhooks. One that is not accepted is sent again later, as the queue says. */
export function deliverWebhooks({ webhooks, secrets, policy, metrics, log }: WebhookDelivering): JobProcessor {
  return webhooks.process(
    async ({ id, data, requestId: reqId, attempt, isLastAttempt, signal }) => {
      const about = { webhook: id, job: data.job, reqId, apiKey: data.apiKey, attempt };
      try {
        const ownSecrets = secrets.of(data.apiKey);
        if (ownSecrets.length === 0) {
          throw new TesseraError('TSR_WEBHOOK_SECRET_MISSING', 'There is no secret any more to sign the webhook with.');
        }
        const outcome = await sendWebhook({ id, url: data.url, body: data.body, secrets: ownSecrets }, policy, signal);
        metrics.webhookAttempts.inc({ outcome });
        log.info(about, `webhook ${outcome}`);
        return outcome;
      } catch (error) {
        // It is handed back, and sent by another gateway.
        if (signal.aborted) throw error;
        const isLast = isLastAttempt || !mayRecover(error);
        metrics.webhookAttempts.inc({ outcome: isLast ? 'failed' : 'retried' });
        const reason = TesseraError.from(error).message;
        log.warn({ ...about, reason }, isLast ? 'webhook failed, listed at /webhooks/failed' : 'webhook is sent again');
        throw error;
      }
    },
    { concurrency: messagesAtOnce },
  );
}
