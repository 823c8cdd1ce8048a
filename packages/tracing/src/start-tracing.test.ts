import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, parseConfig } from '@tessera/contracts';
import { pino } from 'pino';
import { startTracing, tracesAreOn } from './start-tracing.js';
import { noTracing } from './tracing.js';

const endpoint = 'http://127.0.0.1:4318';
const log = pino({ level: 'silent' });

test('traces are on when there is an endpoint, unless they are switched off', () => {
  const isOn = (environment: Record<string, string>) => tracesAreOn(parseConfig(environment));
  assert.equal(isOn({}), false);
  assert.equal(isOn({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), true);
  assert.equal(isOn({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${endpoint}/v1/traces` }), true);
  assert.equal(isOn({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_SDK_DISABLED: 'true' }), false);
  assert.equal(isOn({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_TRACES_EXPORTER: 'none' }), false);
  assert.equal(isOn({ OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: ' ' }), false);
});

test('a protocol that is not spoken is refused, and only when it would be used', async () => {
  const grpc = { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' };
  const start = (environment: Record<string, string>) => startTracing(parseConfig(environment), 'tessera', log);
  await assert.rejects(start({ ...grpc, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /OTEL_EXPORTER_OTLP_PROTOCOL is grpc; .*http\/protobuf.*4318/);
    return true;
  });
  assert.equal(await start(grpc), noTracing);
});

test('without traces the work is done all the same', async () => {
  const value = await noTracing.inSpan('work', { a: 1 }, (span) => {
    span.set({ b: 2 });
    span.fail(new Error('not recorded'));
    return Promise.resolve('done');
  });
  assert.equal(value, 'done');
  assert.equal(noTracing.ids(), undefined);
});

test('spans are recorded below a span alone, and end with their work', async () => {
  const tracing = await startTracing(parseConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: endpoint }), 'tessera', log);
  assert.equal(tracing.isOn, true);
  await tracing.inSpan('outside of any', {}, () => {
    assert.equal(tracing.ids(), undefined);
    return Promise.resolve();
  });
  const { trace } = await import('@opentelemetry/api');
  await trace.getTracer('test').startActiveSpan('request', async (request) => {
    const { traceId, spanId } = request.spanContext();
    assert.deepEqual(tracing.ids(), { trace_id: traceId, span_id: spanId });
    const inner = await tracing.inSpan('work', {}, () => Promise.resolve(tracing.ids()));
    assert.equal(inner?.trace_id, traceId);
    assert.notEqual(inner.span_id, spanId);
    await assert.rejects(
      tracing.inSpan('broken', {}, () => Promise.reject(new Error('broken'))),
      /broken/,
    );
    assert.equal(tracing.ids()?.span_id, spanId);
    request.end();
  });
});
