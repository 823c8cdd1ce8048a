import { SpanKind, type Span, type Telemetry } from 'bullmq';

/** Spans of adding a job, and of an attempt at it. */
const jobSpans: readonly unknown[] = [SpanKind.PRODUCER, SpanKind.CONSUMER];

const noSpan: Span = {
  setSpanOnContext: (context: unknown) => context,
  setAttribute: () => undefined,
  setAttributes: () => undefined,
  addEvent: () => undefined,
  recordException: () => undefined,
  end: () => undefined,
};

/**
 * Spans of adding a job and of every attempt at it, as BullMQ's own add-on makes them; the job carries its trace from the one
 * to the other. Only within a trace: what a queue does by itself, such as polling and renewing locks, would be traces of
 * their own. Loads OpenTelemetry's API, whose SDK the process has started.
 */
export async function openJobTraces(): Promise<Telemetry> {
  const [{ trace, context: current }, { BullMQOtel }] = await Promise.all([
    import('@opentelemetry/api'),
    import('bullmq-otel'),
  ]);
  const { tracer, contextManager }: Telemetry = new BullMQOtel({ tracerName: 'bullmq' });
  return {
    contextManager,
    tracer: {
      startSpan(name, options, context) {
        const parent = trace.getSpan((context ?? current.active()) as ReturnType<typeof current.active>);
        return jobSpans.includes(options?.kind) && parent !== undefined
          ? tracer.startSpan(name, options, context)
          : noSpan;
      },
    },
  };
}
