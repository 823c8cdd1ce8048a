import { ConfigError, type Config } from '@tessera/contracts';
import type { Logger } from 'pino';
import { noTracing, type Tracing } from './tracing.js';

const protocol = 'http/protobuf';

type TracingConfig = Pick<
  Config,
  | 'OTEL_EXPORTER_OTLP_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
  | 'OTEL_EXPORTER_OTLP_PROTOCOL'
  | 'OTEL_TRACES_EXPORTER'
  | 'OTEL_SDK_DISABLED'
>;

/** Whether the configuration asks for traces. */
export function tracesAreOn(config: TracingConfig): boolean {
  if (config.OTEL_SDK_DISABLED || config.OTEL_TRACES_EXPORTER === 'none') return false;
  return config.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined || config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT !== undefined;
}

/**
 * Starts to record and send traces when the configuration asks for them. Otherwise nothing of OpenTelemetry's SDK is loaded.
 *
 * @param serviceName - unless `OTEL_SERVICE_NAME` says otherwise
 * @param log - gets a warning when traces cannot be sent
 * @throws ConfigError for a protocol other than OTLP in protobuf over HTTP
 */
export async function startTracing(config: TracingConfig, serviceName: string, log: Logger): Promise<Tracing> {
  if (!tracesAreOn(config)) return noTracing;
  if (config.OTEL_EXPORTER_OTLP_PROTOCOL !== protocol) {
    throw new ConfigError(
      `OTEL_EXPORTER_OTLP_PROTOCOL is ${config.OTEL_EXPORTER_OTLP_PROTOCOL}; traces are sent with ${protocol} alone. A collector takes it on port 4318.`,
    );
  }
  const { startOpenTelemetry } = await import('./open-telemetry.js');
  return startOpenTelemetry(serviceName, log);
}
