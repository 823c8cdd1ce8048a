export { startTracing, tracesAreOn } from './start-tracing.js';
export { noTracing, type SpanAttributes, type TraceIds, type Tracing, type TracedSpan } from './tracing.js';
