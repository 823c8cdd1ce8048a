import type { Tracing } from '@tessera/tracing';
import type { GatewayApp } from '../context.js';
import { pathOf } from '../request-log.js';

/** Probes and scrapes come every few seconds, and would bury the traces of clients. */
const untraced = new Set(['/livez', '/readyz', '/metrics']);

/**
 * Gives every request a span, below that of the caller's `traceparent` header, and its log lines the ids of it. To be added
 * before other hooks, which then run within the span. Loads nothing when traces are off.
 */
export async function traceRequests(app: GatewayApp, tracing: Tracing): Promise<void> {
  if (!tracing.isOn) return;
  const { context, SpanStatusCode } = await import('@opentelemetry/api');
  const { FastifyOtelInstrumentation } = await import('@fastify/otel');
  const instrumentation = new FastifyOtelInstrumentation({
    instrumentHooks: false,
    instrumentHandler: false,
    // Errors that clients cause are no exceptions of the service; the log has the others.
    recordExceptions: false,
    ignorePaths: ({ url }) => untraced.has(pathOf(url)),
    requestHook: (span, request) => {
      const { url: route } = request.routeOptions;
      span.updateName(route === undefined ? request.method : `${request.method} ${route}`);
      span.setAttributes({ 'url.path': pathOf(request.url), 'tessera.request.id': request.id });
    },
  });
  await app.register(instrumentation.plugin());
  app.addHook('onRequest', (request, reply, done) => {
    const log = request.log.child(tracing.ids() ?? {});
    request.log = log;
    reply.log = log;
    log.info({ req: request }, 'incoming request');
    done();
  });
  // What parses a body goes on outside of the span.
  app.addHook('preHandler', (request, _reply, done) => {
    const { context: own } = request.opentelemetry();
    if (own === null) done();
    else context.with(own, done);
  });
  // The instrumentation marks every error as a failure of the service, also those that its clients cause.
  app.addHook('onSend', (request, reply, payload, done) => {
    if (reply.statusCode < 500) request.opentelemetry().span?.setStatus({ code: SpanStatusCode.OK });
    done(null, payload);
  });
}
