import { context, diag, DiagLogLevel, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Logger } from 'pino';
import type { SpanAttributes, TracedSpan, Tracing } from './tracing.js';

/** Makes OpenTelemetry's SDK the one of this process. Its standard variables say where spans go and which are recorded. */
export function startOpenTelemetry(serviceName: string, log: Logger): Tracing {
  reportProblems(log);
  const resource = resourceFromAttributes({ 'service.name': serviceName, 'process.pid': process.pid }).merge(
    detectResources({ detectors: [envDetector] }),
  );
  const provider = new NodeTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  // Without baggage, which would store with every job what its client sends.
  provider.register({ propagator: new W3CTraceContextPropagator() });
  const tracer = trace.getTracer('tessera');

  return {
    isOn: true,
    inSpan(name, attributes, work) {
      if (trace.getActiveSpan() === undefined) return work(tracedSpan(undefined));
      const span = tracer.startSpan(name, { attributes: defined(attributes) });
      const traced = tracedSpan(span);
      return context.with(trace.setSpan(context.active(), span), async () => {
        try {
          return await work(traced);
        } catch (error) {
          traced.fail(error);
          throw error;
        } finally {
          span.end();
        }
      });
    },
    current: () => tracedSpan(trace.getActiveSpan()),
    ids() {
      const { traceId, spanId } = trace.getActiveSpan()?.spanContext() ?? {};
      return traceId === undefined || spanId === undefined ? undefined : { trace_id: traceId, span_id: spanId };
    },
    // What goes wrong is reported below.
    close: () => provider.shutdown().catch(() => undefined),
  };
}

function tracedSpan(span: Span | undefined): TracedSpan {
  return {
    set: (attributes) => span?.setAttributes(defined(attributes)),
    fail: (error) =>
      span?.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) }),
  };
}

function defined(attributes: SpanAttributes): Record<string, string | number | boolean> {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** The SDK reports what goes wrong, such as a collector that cannot be reached, as text. */
function reportProblems(log: Logger): void {
  const warn = (reason: string) => {
    log.warn({ reason }, 'traces: OpenTelemetry has a problem');
  };
  const ignore = () => undefined;
  diag.setLogger({ error: warn, warn, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.WARN);
}
