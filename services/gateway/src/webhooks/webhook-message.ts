import type { JobOrigin, WebhookDelivery, WebhookEventType, WebhookMessage } from '@tessera/contracts';
import type { JobSnapshot } from '@tessera/queue';
import { jobSummary } from '../jobs/job-response.js';

export type EndedJob = JobSnapshot<unknown>;

/** What kind of job it is; jobs that another version has queued may have none. */
export function kindOf({ data }: EndedJob): string {
  const { kind } = (data ?? {}) as { readonly kind?: unknown };
  return typeof kind === 'string' ? kind : 'unknown';
}

/** The id of the message about a job's end, which receivers and the queue of webhooks tell repetitions by. */
export function webhookId(job: string): string {
  return `end-${job}`;
}

/** The message about a job's end; null when its request wanted none about this end. */
export function webhookDelivery(job: EndedJob): WebhookDelivery | null {
  const { webhook, apiKey }: JobOrigin = job.origin;
  const type = eventType(job);
  if (webhook === undefined || type === null) return null;
  if (webhook.events !== undefined && !webhook.events.includes(type)) return null;
  return {
    url: webhook.url,
    ...(apiKey === undefined ? {} : { apiKey }),
    type,
    job: job.id,
    body: JSON.stringify(messageOf(job, type)),
  };
}

function messageOf(job: EndedJob, type: WebhookEventType): WebhookMessage {
  const summary = jobSummary(job);
  return { type, timestamp: summary.finished_at ?? summary.created_at, data: { kind: kindOf(job), ...summary } };
}

function eventType({ status }: EndedJob): WebhookEventType | null {
  return status === 'queued' || status === 'running' ? null : `job.${status}`;
}
