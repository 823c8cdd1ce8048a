import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { BlobStore } from '@tessera/blob-store';
import type { Config, WebhookDelivery } from '@tessera/contracts';
import type { ImageHeader } from '@tessera/images';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { OutboundPolicy } from '@tessera/outbound';
import type { JobQueue, JobQueues } from '@tessera/queue';
import type { Registry } from 'prom-client';
import type { RecentValues } from '@tessera/runtime';
import type { Tracing } from '@tessera/tracing';
import type { GatewayMetrics } from './metrics.js';
import type { Vocabularies } from './vocabularies/vocabularies.js';
import type { WebhookSecrets } from './webhooks/webhook-secrets.js';
import type { Readiness } from './workers/readiness.js';
import type { WorkerDirectory } from './workers/worker-directory.js';

/** The server as the routes see it: schemas are TypeBox, so that handlers get their types from them. */
export type GatewayApp = FastifyInstance<
  Server,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

/** What routes work with. */
export interface GatewayContext extends JobQueues {
  readonly config: Config;
  readonly blobs: BlobStore;
  /** Headers of stored images, by the images' ids. */
  readonly imageHeaders: RecentValues<ImageHeader>;
  readonly vocabularies: Vocabularies;
  readonly workers: WorkerDirectory;
  readonly readiness: Readiness;
  readonly metrics: GatewayMetrics;
  readonly tracing: Tracing;
  /** Of a worker in the same process. */
  readonly workerMetrics: Registry | undefined;
  /** Messages about ended jobs, to be sent. */
  readonly webhooks: JobQueue<WebhookDelivery>;
  readonly webhookSecrets: WebhookSecrets;
  /** Where webhooks may be sent. */
  readonly webhookPolicy: OutboundPolicy;
  /** Aborted when the gateway begins to close: streams that would go on end. */
  readonly closing: AbortSignal;
  /** Aborted when the process has to stop: requests that still wait for a result are answered 202. */
  readonly draining: AbortSignal;
}
