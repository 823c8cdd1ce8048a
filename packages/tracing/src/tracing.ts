/** Values of a span by their names; those that are undefined are left out. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** A span under way. */
export interface TracedSpan {
  set(attributes: SpanAttributes): void;
  /** Marks the span as failed. */
  fail(error: unknown): void;
}

/** Which trace and span something belongs to, as fields of a log line. */
export interface TraceIds {
  readonly trace_id: string;
  readonly span_id: string;
}

/** Traces of this process. */
export interface Tracing {
  readonly isOn: boolean;
  /**
   * Does work in a span below the current one; outside of any, where nothing is traced, the work alone. A span whose work
   * fails is marked as failed.
   */
  inSpan<Value>(name: string, attributes: SpanAttributes, work: (span: TracedSpan) => Promise<Value>): Promise<Value>;
  /** The span in whose work this is called; one that takes everything and keeps nothing outside of any. */
  current(): TracedSpan;
  /** Ids of the current span; undefined outside of any. */
  ids(): TraceIds | undefined;
  /** Sends the spans that have ended, and records no more. */
  close(): Promise<void>;
}

const noSpan: TracedSpan = { set: () => undefined, fail: () => undefined };

/** Records nothing. */
export const noTracing: Tracing = {
  isOn: false,
  inSpan: (_name, _attributes, work) => work(noSpan),
  current: () => noSpan,
  ids: () => undefined,
  close: () => Promise.resolve(),
};
