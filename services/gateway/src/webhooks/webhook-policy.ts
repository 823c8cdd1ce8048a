import { TesseraError, type Config } from '@tessera/contracts';
import { checkOutboundUrl, defaultOutboundPolicy, OutboundError, type OutboundPolicy } from '@tessera/outbound';

/** Where webhooks may be sent. */
export function webhookPolicy(config: Config): OutboundPolicy {
  const policy = { ...defaultOutboundPolicy, totalTimeoutMs: config.TESSERA_WEBHOOK_TIMEOUT_S * 1000 };
  if (!config.TESSERA_ALLOW_PRIVATE_WEBHOOKS) return policy;
  return { ...policy, allowHttp: true, allowedPorts: 'any', allowAddress: () => true };
}

/**
 * The URL of a webhook. Its host is resolved and checked when the webhook is sent.
 *
 * @throws TesseraError `TSR_WEBHOOK_URL_FORBIDDEN`; `TSR_VALIDATION` for what is no URL
 */
export function checkWebhookUrl(text: string, policy: OutboundPolicy): URL {
  if (!URL.canParse(text)) throw TesseraError.invalid([{ pointer: '/webhook/url', message: 'must be a URL' }]);
  const url = new URL(text);
  try {
    checkOutboundUrl(url, policy);
  } catch (error) {
    throw toWebhookError(error);
  }
  return url;
}

/** Why a webhook was not sent, or its answer not received; without what the receiver answered. */
export function toWebhookError(error: unknown): TesseraError {
  if (TesseraError.isInstance(error)) return error;
  if (error instanceof OutboundError && error.kind === 'forbidden') {
    return new TesseraError('TSR_WEBHOOK_URL_FORBIDDEN', `The webhook URL may not be called: ${error.message}.`);
  }
  if (error instanceof OutboundError) return webhookFailed(error.message, error.cause);
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? ` (${error.code})` : '';
  return webhookFailed(`the connection failed${code}`, error);
}

export function webhookFailed(reason: string, cause?: unknown): TesseraError {
  return new TesseraError('TSR_WEBHOOK_FAILED', `The webhook was not accepted: ${reason}.`, { cause });
}
