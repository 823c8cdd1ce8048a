import { setMaxListeners } from 'node:events';
import multipart from '@fastify/multipart';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { BlobStore } from '@tessera/blob-store';
import type { Config, WebhookDelivery } from '@tessera/contracts';
import { fastify, type FastifyBaseLogger } from 'fastify';
import type { GatewayApp, GatewayContext } from './context.js';
import type { Registry } from 'prom-client';
import type { JobProcessor, JobQueue, JobQueues } from '@tessera/queue';
import { RecentValues, settledWithin } from '@tessera/runtime';
import { noTracing, type Tracing } from '@tessera/tracing';
import { readEnds } from './ends/read-ends.js';
import { openApiKeys } from './keys/open-api-keys.js';
import { createMetrics } from './metrics.js';
import { describeApi } from './openapi/document.js';
import { trackAllowedMethods } from './plugins/allowed-methods.js';
import { limitBodyTime } from './plugins/body-timeout.js';
import { recognizeApiKeys, requireApiKey } from './plugins/api-keys.js';
import { allowOrigins } from './plugins/cross-origin.js';
import { addDocsPage } from './plugins/docs-page.js';
import { drainOnClose } from './plugins/drain-on-close.js';
import { refuseForeignPages } from './plugins/foreign-pages.js';
import { checkHttpHeaders } from './plugins/http-headers.js';
import { closeLingering } from './plugins/lingering-close.js';
import { refuseWhenOverloaded } from './plugins/overload.js';
import { addPlayground } from './plugins/playground.js';
import { addProblemResponses, refuseUnknownPaths, sendProblem } from './plugins/problems.js';
import { refuseUnusableText } from './plugins/usable-text.js';
import { requireBodies } from './plugins/required-bodies.js';
import { acceptImageBodies, acceptPlainBodies, boundJson } from './plugins/plain-bodies.js';
import { expectUploads } from './intake/read-form.js';
import { limitRequestRate } from './plugins/rate-limit.js';
import { measureRequests } from './plugins/request-metrics.js';
import { traceRequests } from './plugins/request-traces.js';
import { addResponseHeaders } from './plugins/response-headers.js';
import { limitUploads } from './plugins/upload-budget.js';
import { refusalHeaders } from './problems/refusal-headers.js';
import { addClassifyComposition } from './routes/classify-composition.js';
import { addDocumentation } from './routes/documentation.js';
import { addImages } from './routes/images.js';
import { addJobEvents } from './routes/job-events.js';
import { addJobs } from './routes/jobs.js';
import { addLabelStudio } from './routes/label-studio.js';
import { addLivez } from './routes/livez.js';
import { addMetrics } from './routes/metrics.js';
import { addModels } from './routes/models.js';
import { addInferenceHealth, addOpenInference } from './routes/open-inference.js';
import { addReadyz } from './routes/readyz.js';
import { addSegment } from './routes/segment.js';
import { addTraining } from './routes/training.js';
import { addVocabularies } from './routes/vocabularies.js';
import { addVocabularyFiles } from './routes/vocabulary-files.js';
import { addWebhooks } from './routes/webhooks.js';
import { bodyLimitBytes, serverOptions } from './server-options.js';
import { Vocabularies } from './vocabularies/vocabularies.js';
import { deliverWebhooks } from './webhooks/deliver-webhooks.js';
import { webhookPolicy } from './webhooks/webhook-policy.js';
import { WebhookSecrets } from './webhooks/webhook-secrets.js';
import { Readiness } from './workers/readiness.js';
import { WorkerDirectory } from './workers/worker-directory.js';

/** Bodies of this many largest requests may be in memory at the same time. */
const largestBodiesAtOnce = 8;
/** How long webhooks that are being sent may take when the gateway closes; others are sent by the next one. */
const webhookDrainMs = 2_000;
/** Headers of stored images that are remembered, a hundred bytes each. */
const rememberedImages = 10_000;

/** Queues and blob store stay open when the gateway closes: they belong to the caller. */
export interface GatewayOptions extends JobQueues {
  readonly config: Config;
  readonly webhooks: JobQueue<WebhookDelivery>;
  readonly blobs: BlobStore;
  readonly logger: FastifyBaseLogger;
  /** Of a worker in the same process, to be shown with the gateway's own. */
  readonly workerMetrics?: Registry;
  /** Off by default. */
  readonly tracing?: Tracing;
}

/**
 * Builds the HTTP gateway, ready to listen or to be handed to a test. `close()` lets requests that wait for a result
 * finish for up to `TESSERA_DRAIN_S` and answers them 202 after that.
 *
 * @throws ConfigError when `API_KEYS_FILE`, `TRUST_PROXY` or `TESSERA_CORS_ORIGINS` cannot be used
 */
export async function createGateway(options: GatewayOptions): Promise<GatewayApp> {
  const { config, queue, trainings, webhooks, blobs, logger, tracing = noTracing } = options;
  const app: GatewayApp = fastify({
    ...serverOptions(config, logger, tracing.isOn),
    frameworkErrors: (error, request, reply) => {
      sendProblem(error, request, reply.headers(refusalHeaders(config)));
    },
  }).withTypeProvider<TypeBoxTypeProvider>();

  const workers = new WorkerDirectory(blobs);
  const readiness = new Readiness(queue, workers, logger);
  const metrics = createMetrics({ queue, trainings, webhooks }, workers);
  const keys = await openApiKeys(app, config, metrics);
  const closing = new AbortController();
  const draining = new AbortController();
  // Every waiting request and every event stream listens to one of them.
  setMaxListeners(0, closing.signal, draining.signal);
  const context: GatewayContext = {
    config,
    queue,
    trainings,
    blobs,
    imageHeaders: new RecentValues(rememberedImages),
    vocabularies: new Vocabularies(blobs, trainings),
    workers,
    readiness,
    metrics,
    tracing,
    workerMetrics: options.workerMetrics,
    webhooks,
    webhookSecrets: new WebhookSecrets(config.TESSERA_WEBHOOK_SECRETS, keys),
    webhookPolicy: webhookPolicy(config),
    closing: closing.signal,
    draining: draining.signal,
  };

  // The routes build responses field by field; a compiled serializer would not change them.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  await traceRequests(app, tracing);
  addProblemResponses(app);
  await addResponseHeaders(app, config);
  await allowOrigins(app, config.TESSERA_CORS_ORIGINS);
  checkHttpHeaders(app);
  refuseUnknownPaths(app);
  closeLingering(app);
  measureRequests(app, metrics);
  await refuseForeignPages(app, config);
  limitBodyTime(app);
  boundJson(app);
  refuseUnusableText(app);
  drainOnClose(app, { closing, draining }, config.TESSERA_DRAIN_S);
  await describeApi(app);
  const refuseOtherMethods = trackAllowedMethods(app);

  addLivez(app);
  addReadyz(app, context);
  addInferenceHealth(app, context);
  addDocumentation(app);
  await addDocsPage(app, config);
  await addPlayground(app, config);
  await app.register(async (guarded: GatewayApp) => {
    if (keys !== undefined) recognizeApiKeys(guarded, keys);
    // Before keys are required: wrong ones count for the address that they come from.
    await limitRequestRate(guarded, config);
    if (keys !== undefined) requireApiKey(guarded);
    addModels(guarded, context);
    addMetrics(guarded, context);
    addJobs(guarded, context);
    addJobEvents(guarded, context);
    addWebhooks(guarded, context);
    addVocabularies(guarded, context);
    await guarded.register(async (uploads: GatewayApp) => {
      await refuseWhenOverloaded(uploads, config);
      acceptPlainBodies(uploads);
      requireBodies(uploads);
      expectUploads(uploads);
      limitUploads(uploads, largestBodiesAtOnce * bodyLimitBytes(config));
      await uploads.register(multipart, { limits: formLimits, throwFileSizeLimit: false });
      addTraining(uploads, context);
      addLabelStudio(uploads, context);
      await uploads.register(async (images: GatewayApp) => {
        acceptImageBodies(images);
        addImages(images, context);
        addSegment(images, context);
        addClassifyComposition(images, context);
        return Promise.resolve();
      });
      await uploads.register(async (inference: GatewayApp) => {
        addOpenInference(inference, context);
        return Promise.resolve();
      });
      await uploads.register(async (files: GatewayApp) => {
        addVocabularyFiles(files, context);
        return Promise.resolve();
      });
    });
  });
  refuseOtherMethods();

  app.addHook('onReady', () => {
    readiness.start();
  });
  app.addHook('onClose', () => readiness.stop());
  announceEnds(app, context);
  return app;
}

const formLimits = { files: 4, fields: 32, parts: 36, fieldNameSize: 100, fieldSize: 65_536, headerPairs: 32 };

/** From when the gateway is ready until it closes. */
function announceEnds(app: GatewayApp, context: GatewayContext): void {
  const { webhookSecrets: secrets, webhookPolicy: policy } = context;
  let stopReading: (() => Promise<void>) | undefined;
  let delivering: JobProcessor | undefined;
  app.addHook('onReady', () => {
    stopReading = readEnds({ ...context, log: app.log });
    delivering = deliverWebhooks({ ...context, secrets, policy, log: app.log });
  });
  app.addHook('onClose', async () => {
    // Neither ends while Redis hangs.
    await settledWithin(Promise.all([stopReading?.(), delivering?.drain(webhookDrainMs)]), 2 * webhookDrainMs);
  });
}
