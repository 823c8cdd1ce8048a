import { ConfigError, parseConfig, redactConfig, type Config } from '@tessera/contracts';
import { startTracing, type Tracing } from '@tessera/tracing';
import closeWithGrace from 'close-with-grace';
import { pino, type Logger } from 'pino';
import { endEarlySignals } from './early-signals.js';
import { loggedError } from './logged-error.js';
import { settledWithin } from './time-limits.js';

/** Time after the drain in which connections and child processes end before the process ends by force. */
const closingSeconds = 5;
/** How long a start that is under way may go on. */
const startGraceMs = 500;
/** How long sending the last spans may take. */
const lastSpansMs = 2_000;

const productName = 'tessera';

export interface ServiceContext {
  readonly config: Config;
  readonly log: Logger;
  readonly tracing: Tracing;
  /** Logs a failure that the service recovers from by itself, such as a lost connection. */
  readonly onError: (error: Error) => void;
}

/** A part of a service that has to be closed. */
interface Closable {
  close(): Promise<unknown>;
}

export interface ServiceOptions {
  /** Name in the log, and of the service in traces. */
  readonly name: string;
  /** Whether the service makes sense only beside others, over Redis. */
  readonly needsRedis: boolean;
}

/**
 * Runs a service as this process: reads the configuration from the environment, starts the service, and closes its parts
 * on SIGINT, SIGTERM or an uncaught error. A start that fails prints why and ends the process with status 1; one that is not over when
 * the process is told to stop ends with it.
 *
 * @param start - gives the parts of the service in the order in which to close them: those that take in work come first
 * and finish what runs within `TESSERA_DRAIN_S`
 */
export async function runService(
  { name, needsRedis }: ServiceOptions,
  start: (context: ServiceContext) => Promise<readonly Closable[]>,
): Promise<void> {
  try {
    const config = parseConfig(process.env);
    if (needsRedis && config.REDIS_URL === undefined) {
      throw new ConfigError('REDIS_URL is not set; a service without Redis is `npm start`.');
    }
    const log = pino({ name, level: config.LOG_LEVEL, serializers: { err: loggedError } });
    log.info(redactConfig(config), 'starting');
    const tracing = await startTracing(config, name === productName ? name : `${productName}-${name}`, log);
    const onError = (error: Error) => {
      log.warn({ err: error }, 'recovering from a failure');
    };
    const starting = start({ config, log, tracing, onError });
    closeWithGrace(
      { delay: (config.TESSERA_DRAIN_S + closingSeconds) * 1000, logger: log },
      async ({ err, signal }) => {
        if (err) log.fatal({ err }, 'stopping after an error');
        else log.info({ signal }, 'draining');
        const parts = (await settledWithin(starting, startGraceMs)) ?? [];
        for (const part of parts) await part.close();
        await settledWithin(tracing.close(), lastSpansMs);
      },
    );
    endEarlySignals();
    await starting;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
