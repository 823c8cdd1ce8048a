import { mayRecover, TesseraError, type WebhookDelivery } from '@tessera/contracts';
import type { OutboundPolicy } from '@tessera/outbound';
import { PostponedError, RetryLaterError, type JobProcessor, type JobQueue } from '@tessera/queue';
import type { FastifyBaseLogger } from 'fastify';
import type { GatewayMetrics } from '../metrics.js';
import { ReceiverSlots } from './receiver-slots.js';
import { sendWebhook } from './send-webhook.js';
import type { WebhookSecrets } from './webhook-secrets.js';

/** Messages sent at the same time, in all and to one receiver: slow ones must not hold up the others. */
const messagesAtOnce = 64;
const messagesPerReceiver = 8;

interface WebhookDelivering {
  readonly webhooks: JobQueue<WebhookDelivery>;
  readonly secrets: WebhookSecrets;
  readonly policy: OutboundPolicy;
  readonly metrics: GatewayMetrics;
  readonly log: FastifyBaseLogger;
}

/** Sends the messages of the queue of webhooks. One that is not accepted is sent again later, as the queue says. */
export function deliverWebhooks({ webhooks, secrets, policy, metrics, log }: WebhookDelivering): JobProcessor {
  const slots = new ReceiverSlots(messagesPerReceiver);
  const postponed = (waitMs: number) => new PostponedError(waitMs);
  return webhooks.process(
    async ({ id, data, requestId: reqId, failures, isLastAttempt, signal }) => {
      const about = { webhook: id, job: data.job, reqId, apiKey: data.apiKey, attempt: failures + 1 };
      try {
        const ownSecrets = secrets.of(data.apiKey);
        if (ownSecrets.length === 0) {
          throw new TesseraError('TSR_WEBHOOK_SECRET_MISSING', 'There is no secret any more to sign the webhook with.');
        }
        const message = { id, url: data.url, body: data.body, secrets: ownSecrets };
        const outcome = await slots.use(data.url, () => sendWebhook(message, policy, signal), postponed);
        metrics.webhookAttempts.inc({ outcome });
        log.info(about, `webhook ${outcome}`);
        return outcome;
      } catch (error) {
        // It is handed back, and sent by another gateway, or comes again when the receiver has less to do.
        if (signal.aborted || error instanceof PostponedError) throw error;
        const cause = error instanceof RetryLaterError ? error.cause : error;
        const isLast = isLastAttempt || !mayRecover(cause);
        metrics.webhookAttempts.inc({ outcome: isLast ? 'failed' : 'retried' });
        const reason = TesseraError.from(cause).message;
        log.warn({ ...about, reason }, isLast ? 'webhook failed, listed at /webhooks/failed' : 'webhook is sent again');
        throw error;
      }
    },
    { concurrency: messagesAtOnce },
  );
}
