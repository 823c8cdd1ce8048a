import { guardedAgent, retryAfterMs, type OutboundPolicy } from '@tessera/outbound';
import { RetryLaterError } from '@tessera/queue';
import { Webhook as Signer } from 'standardwebhooks';
import { checkWebhookUrl, toWebhookError, webhookFailed } from './webhook-policy.js';

/** What is read of an answer; no more than its status is used. */
const mostAnswerBytes = 65_536;
/** The receiver wants no more of it. */
const gone = 410;
/** The longest that a receiver may ask to wait: its messages are not kept for as long as it likes. */
const longestRetryAfterMs = 3_600_000;

export interface SignedMessage {
  /** The same for every attempt, so that the receiver can recognise a message that it has already. */
  readonly id: string;
  readonly url: string;
  /** JSON. */
  readonly body: string;
  /** One signature of each. */
  readonly secrets: readonly string[];
}

/**
 * Sends a message, signed after the Standard Webhooks specification. Redirects are not followed.
 *
 * @param signal - ends the attempt
 * @returns `gone` when the receiver wants no more of it (410)
 * @throws TesseraError `TSR_WEBHOOK_FAILED`, `TSR_WEBHOOK_URL_FORBIDDEN`; RetryLaterError when the receiver says how long to
 * wait (`retry-after`)
 */
export async function sendWebhook(
  { id, url: text, body, secrets }: SignedMessage,
  policy: OutboundPolicy,
  signal: AbortSignal,
): Promise<'delivered' | 'gone'> {
  const url = checkWebhookUrl(text, policy);
  const sentAt = new Date();
  const agent = guardedAgent(policy);
  const timeout = AbortSignal.timeout(policy.totalTimeoutMs);
  try {
    const {
      statusCode,
      headers,
      body: answer,
    } = await agent.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'tessera',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(sentAt.getTime() / 1000)),
        'webhook-signature': secrets.map((secret) => new Signer(secret).sign(id, sentAt, body)).join(' '),
      },
      body,
      signal: AbortSignal.any([signal, timeout]),
    });
    // The status decides; the rest is read so that the receiver does not see a broken connection.
    await answer.dump({ limit: mostAnswerBytes }).catch(() => undefined);
    if (statusCode === gone) return 'gone';
    if (statusCode >= 200 && statusCode <= 299) return 'delivered';
    const failure = webhookFailed(`the receiver answered ${statusCode}`);
    const waitMs = retryAfterMs(headers['retry-after']);
    throw waitMs === undefined ? failure : new RetryLaterError(Math.min(waitMs, longestRetryAfterMs), failure);
  } catch (error) {
    if (error instanceof RetryLaterError) throw error;
    if (timeout.aborted) throw webhookFailed(`it took longer than ${policy.totalTimeoutMs} ms`, error);
    throw toWebhookError(error);
  } finally {
    await agent.destroy();
  }
}
