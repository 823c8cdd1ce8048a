import { ConfigError, parseConfig, redactConfig, type Config } from '@tessera/contracts';
import closeWithGrace from 'close-with-grace';
import { pino, type Logger } from 'pino';

/** Time after the drain in which connections and child processes end before the process ends by force. */
const closingSeconds = 5;

export interface ServiceContext {
  readonly config: Config;
  readonly log: Logger;
  /** Logs a failure that the service recovers from by itself, such as a lost connection. */
  readonly onError: (error: Error) => void;
}

/** A part of a service that has to be closed. */
interface Closable {
  close(): Promise<unknown>;
}

export interface ServiceOptions {
  /** Name in the log. */
  readonly name: string;
  /** Whether the service makes sense only beside others, over Redis. */
  readonly needsRedis: boolean;
}

/**
 * Runs a service as this process: reads the configuration from the environment, starts the service, and closes its parts
 * on SIGINT, SIGTERM or an uncaught error. A start that fails prints why and ends the process with status 1.
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
    const log = pino({ name, level: config.LOG_LEVEL });
    log.info(redactConfig(config), 'starting');
    const onError = (error: Error) => {
      log.warn({ err: error }, 'recovering from a failure');
    };
    const starting = start({ config, log, onError });
    closeWithGrace(
      { delay: (config.TESSERA_DRAIN_S + closingSeconds) * 1000, logger: log },
      async ({ err, signal }) => {
        if (err) log.fatal({ err }, 'stopping after an error');
        else log.info({ signal }, 'draining');
        for (const part of await starting) await part.close();
      },
    );
    await starting;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}
