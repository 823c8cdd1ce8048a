import Type, { type Static, type TArray, type TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { mostTasks } from './label-studio.js';
import { WebhookSecret } from './webhook.js';

const strict = { additionalProperties: false } as const;
const seconds = (fallback: number, description: string) =>
  Type.Integer({ minimum: 1, default: fallback, description: `${description} (seconds)` });

/**
 * Every setting of the service, by its environment variable. Defaults, bounds and the configuration reference
 * come from here; lists are comma-separated in the environment.
 */
export const ConfigSchema = Type.Object(
  {
    PORT: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 3000,
      description: 'Port of the gateway; 0 takes a free one.',
    }),
    HOST: Type.String({ minLength: 1, default: '127.0.0.1', description: 'Address the gateway listens on.' }),
    REDIS_URL: Type.Optional(
      Type.String({
        pattern: '^rediss?://',
        description: 'Redis that carries jobs, results and images. Without it the embedded queue is used.',
      }),
    ),
    DATA_DIR: Type.String({
      minLength: 1,
      default: '.tessera/data',
      description:
        'Directory of the embedded queue and blobs; a worker notes there the hashes of large model files when it cannot in MODELS_DIR.',
    }),
    MODELS_DIR: Type.String({
      minLength: 1,
      default: 'models',
      description: 'Directory with one sub-directory per model bundle.',
    }),
    API_KEYS: Type.Array(Type.String({ minLength: 8 }), {
      default: [],
      description:
        'Accepted API keys of at least 8 characters, comma-separated. Without any, and without API_KEYS_FILE, the service is open; keep it on loopback then.',
    }),
    API_KEYS_FILE: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'File of named API keys, which `tessera keys` writes; read again within seconds after it changed. With a file the service is never open, even when no key is in it.',
      }),
    ),
    TESSERA_METRICS_PORT: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 65535,
        description:
          'Port on which a worker answers `GET /metrics` at the address `HOST`, open to everyone who reaches it; 0 takes a free one. In one process with the gateway they are among its own.',
      }),
    ),
    TRUST_PROXY: Type.Array(Type.String({ pattern: '^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$' }), {
      default: [],
      description:
        'Addresses of the proxies in front of the service, or their networks (`10.0.0.0/8`), comma-separated: what these say in `x-forwarded-for` is the client’s address.',
    }),
    LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      default: 'info',
      description: 'Least severity that is logged.',
    }),
    EXECUTION_PROVIDERS: Type.Array(Type.Enum(['cuda', 'cpu']), {
      minItems: 1,
      default: ['cpu'],
      description: 'ONNX Runtime execution providers in order of preference, comma-separated.',
    }),
    TESSERA_DEVICES: Type.Array(Type.Integer({ minimum: 0, maximum: 1023 }), {
      minItems: 1,
      uniqueItems: true,
      default: [0],
      description:
        'Devices of a worker, comma-separated: each gets an inference process with all models. On CUDA the numbers are those of the GPUs; on CPU each is one more process, and they share the cores.',
    }),
    TESSERA_DEFAULT_MODEL: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description:
        'Models of requests that name none, comma-separated, at most one per task; for the other tasks the first bundle by name.',
    }),
    TESSERA_MAX_BODY_MB: Type.Integer({
      minimum: 1,
      maximum: 1024,
      default: 25,
      description: 'Largest request body (megabytes).',
    }),
    TESSERA_MAX_ARCHIVE_MB: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: 1024,
      description: 'Largest training set in an uploaded archive, as sent and unpacked (megabytes).',
    }),
    TESSERA_MAX_MEGAPIXELS: Type.Number({
      exclusiveMinimum: 0,
      default: 40,
      description: 'Largest image (megapixels).',
    }),
    TESSERA_ALLOW_HTTP_IMAGES: Type.Boolean({ default: false, description: 'Also fetch image URLs over plain http.' }),
    TESSERA_MAX_WAITING_JOBS: Type.Integer({
      minimum: 1,
      default: 1000,
      description: 'Jobs that may wait before 429 is answered.',
    }),
    TESSERA_MAX_EVENT_LOOP_DELAY_MS: Type.Integer({
      minimum: 0,
      default: 1000,
      description:
        'How late the event loop of a gateway may be, on average over twice that time, before it answers new work with 503 (milliseconds); 0 never does. It does so, too, when nine tenths of Node’s heap are in use.',
    }),
    TESSERA_MAX_MEMORY_MB: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Memory of the process beyond which a gateway answers new work with 503 (resident, megabytes): somewhat less than its container may have.',
      }),
    ),
    TESSERA_RATE_LIMIT_PER_MIN: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          'Requests per minute of an API key that has no limit of its own, and of a client’s address without a key. Counted in Redis for all gateways when REDIS_URL is set. Without it only keys with limits of their own are limited.',
      }),
    ),
    TESSERA_CORS_ORIGINS: Type.Array(Type.String({ pattern: '^([*]|https?://[^*/?#@\\s]+)$' }), {
      default: [],
      description:
        'Origins whose pages may call the service from a browser, comma-separated (`https://app.example.org`), or `*` for all.',
    }),
    TESSERA_ALLOWED_HOSTS: Type.Array(Type.String({ pattern: '^[^/:?#@\\s]+$' }), {
      default: [],
      description:
        'Host names by which an open service on loopback may be called beside `localhost` and addresses, comma-separated: those of a proxy in front of it.',
    }),
    TESSERA_FRAME_ANCESTORS: Type.Array(Type.String({ pattern: "^('self'|https?://[^/?#@;'\\s]+)$" }), {
      default: [],
      description:
        "Origins whose pages may show the playground and `/docs` in a frame, comma-separated (`https://app.example.org`, `https://*.example.org`, `'self'`); otherwise none may.",
    }),
    TESSERA_HSTS_S: Type.Optional(
      Type.Integer({
        minimum: 0,
        description:
          'How long browsers use the service’s host over https alone (seconds, `strict-transport-security`). Only where a proxy with TLS is in front.',
      }),
    ),
    TESSERA_WEBHOOK_SECRETS: Type.Array(WebhookSecret, {
      maxItems: 4,
      default: [],
      description:
        'Secrets that sign webhooks (`whsec_…`, see `tessera keys webhook-secret`), comma-separated: of requests without an API key, and of keys that have none of their own. With several a message has a signature of each, so that receivers can change from one to the next.',
    }),
    TESSERA_ALLOW_PRIVATE_WEBHOOKS: Type.Boolean({
      default: false,
      description:
        'Also call webhooks over plain http, on any port, and at addresses that are not public. Only where every client may reach the network of the service.',
    }),
    TESSERA_WEBHOOK_TIMEOUT_S: seconds(15, 'How long the receiver of a webhook may take to answer'),
    TESSERA_WEBHOOK_ATTEMPTS: Type.Integer({
      minimum: 1,
      maximum: 20,
      default: 12,
      description: 'How often a webhook is sent before it is listed as failed; 12 attempts take about two hours.',
    }),
    TESSERA_WEBHOOK_RETRY_S: seconds(
      5,
      'Longest pause before the second attempt at a webhook; it doubles with every further one, and up to half of it is left out at random',
    ),
    TESSERA_WEBHOOK_FAILED_TTL_S: seconds(604_800, 'How long webhooks that could not be delivered are kept'),
    LABEL_STUDIO_URL: Type.Optional(
      Type.String({
        pattern: '^https?://[^/?#@]+/?$',
        description:
          'Where Label Studio answers, `https://studio.example.org`: images that its tasks name by a path are fetched there, at whatever address it is.',
      }),
    ),
    LABEL_STUDIO_API_KEY: Type.Optional(
      Type.String({
        pattern: '^[\\x21-\\x7e]+$',
        description: 'Access token of a user of Label Studio, sent to LABEL_STUDIO_URL alone.',
      }),
    ),
    LABEL_STUDIO_MAX_TASKS: Type.Integer({
      minimum: 1,
      maximum: mostTasks,
      default: 100,
      description: 'Most tasks of one request for predictions of Label Studio.',
    }),
    TESSERA_WAIT_S: seconds(30, 'How long a request waits for its result before it is answered 202'),
    TESSERA_RESULT_TTL_S: seconds(3600, 'How long results and finished jobs are kept'),
    TESSERA_IMAGE_TTL_S: seconds(86_400, 'How long images are kept after their last use'),
    TESSERA_TRAINING_TTL_S: seconds(
      604_800,
      'How long the examples and checkpoints of a training are kept at most; they are removed when it ends',
    ),
    TESSERA_INFERENCE_TIMEOUT_S: seconds(60, 'Longest model run before the inference process is restarted'),
    TESSERA_DRAIN_S: seconds(20, 'How long a stopping process may finish running jobs'),
    TESSERA_CONCURRENCY: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1024,
        description:
          'Jobs that a worker prepares at a time; otherwise twice what one run of every device takes, or one more than the side processes that run.',
      }),
    ),
    TESSERA_MAX_BATCH: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 256,
        description:
          'Most images or texts of waiting jobs that one model run takes; otherwise 8 on CUDA and 1 on the CPU. A bundle may have its own.',
      }),
    ),
    TESSERA_MAX_BATCH_WAIT_MS: Type.Integer({
      minimum: 0,
      maximum: 10_000,
      default: 0,
      description:
        'How long a model run waits for others to share it while the device is idle (milliseconds). A bundle may have its own.',
    }),
    TESSERA_THREADS: Type.Optional(
      Type.Integer({
        minimum: 1,
        description: 'Threads of a model run on CPU; otherwise the inference processes share the cores.',
      }),
    ),
    TESSERA_SIDE_PROCESSES: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 64,
        description:
          'Further inference processes beside a single CPU device, which share its cores and take runs of small models while many wait; they start under load and end a minute after it. 0 for none; otherwise one per core up to 4, and none where TESSERA_THREADS or TESSERA_MAX_BATCH is set.',
      }),
    ),
    TESSERA_KEEP_MB: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 256,
      description:
        'Memory in each inference process for the image embeddings that it keeps, the least recently used are dropped first (megabytes).',
    }),
    TESSERA_EMBEDDING_CACHE_MB: Type.Integer({
      minimum: 0,
      maximum: 1_000_000,
      default: 256,
      description:
        'Image embeddings and detections that workers share, in Redis or under `DATA_DIR`; the least recently used are dropped first (megabytes). 0 shares none. All workers should have the same.',
    }),
    OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
      Type.String({
        pattern: '^https?://[^@\\s]+$',
        description:
          'Where traces are sent: the OTLP address of a collector, `http://collector:4318`. Without it, and without the next one, nothing is traced. The SDK of OpenTelemetry also reads its other standard variables.',
      }),
    ),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(
      Type.String({
        pattern: '^https?://[^@\\s]+$',
        description: 'The same for traces alone, with the path: `http://collector:4318/v1/traces`.',
      }),
    ),
    OTEL_EXPORTER_OTLP_PROTOCOL: Type.String({
      minLength: 1,
      default: 'http/protobuf',
      description: 'How traces are sent. `http/protobuf` is the only one; with another the service does not start.',
    }),
    OTEL_EXPORTER_OTLP_HEADERS: Type.Optional(
      Type.String({ description: 'Headers sent with traces, such as a key: `name=value`, comma-separated.' }),
    ),
    OTEL_TRACES_SAMPLER: Type.Enum(
      [
        'always_on',
        'always_off',
        'traceidratio',
        'parentbased_always_on',
        'parentbased_always_off',
        'parentbased_traceidratio',
      ],
      {
        default: 'parentbased_always_on',
        description: 'Which traces are recorded. With `parentbased_` the caller’s `traceparent` header decides first.',
      },
    ),
    OTEL_TRACES_SAMPLER_ARG: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'Share of the traces that the samplers `traceidratio` and `parentbased_traceidratio` record.',
      }),
    ),
    OTEL_SERVICE_NAME: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Name in traces; otherwise `tessera`, or `tessera-gateway` and `tessera-worker`.',
      }),
    ),
    OTEL_TRACES_EXPORTER: Type.Enum(['otlp', 'none'], {
      default: 'otlp',
      description: '`none` switches traces off whatever the endpoint.',
    }),
    OTEL_SDK_DISABLED: Type.Boolean({ default: false, description: '`true` switches traces off, too.' }),
  },
  strict,
);
export type Config = Readonly<Static<typeof ConfigSchema>>;

const secrets = new Set([
  'API_KEYS',
  'REDIS_URL',
  'LABEL_STUDIO_API_KEY',
  'TESSERA_WEBHOOK_SECRETS',
  'OTEL_EXPORTER_OTLP_HEADERS',
  // A URL that is refused may be one with a password.
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
]);

/** Thrown when the environment does not match {@link ConfigSchema}; the message lists every finding. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Beginning of the variables that the command line reads, and the one that names its Python. */
const clientPrefix = 'TESSERA_CLIENT_';
const pythonVariable = 'TESSERA_PYTHON';

/**
 * Parses the environment once, at start. Variables that are neither in the schema nor start with `TESSERA_` belong
 * to other programs and are ignored, as are those of the command line; empty values count as unset.
 *
 * @throws ConfigError naming each invalid or unknown variable, never its value when it is a secret
 */
export function parseConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(environment)) {
    const schema = (ConfigSchema.properties as Record<string, TSchema>)[name];
    if (schema === undefined) {
      if (name.startsWith('TESSERA_') && !name.startsWith(clientPrefix) && name !== pythonVariable) {
        problems.push(`${name} is not a known setting`);
      }
    } else if (text !== undefined && text.trim() !== '') {
      values[name] = fromText(schema, text.trim());
    }
  }
  const candidate = Value.Default(ConfigSchema, values);
  for (const error of Value.Errors(ConfigSchema, candidate)) {
    const name = error.instancePath.split('/')[1] ?? '';
    const allowed = error.keyword === 'enum' ? `: ${error.params.allowedValues.join(', ')}` : '';
    const shown = secrets.has(name) ? '' : ` (got ${JSON.stringify(environment[name])})`;
    problems.push(`${name} ${error.message}${allowed}${shown}`);
  }
  if (problems.length > 0) {
    throw new ConfigError(`Invalid configuration:\n${[...new Set(problems)].map((line) => `  ${line}`).join('\n')}`);
  }
  return Object.freeze(candidate as Config);
}

/** The configuration as it may be logged: secrets replaced by their number. */
export function redactConfig(config: Config): Record<string, unknown> {
  const {
    API_KEYS: keys,
    REDIS_URL: redis,
    LABEL_STUDIO_API_KEY: token,
    TESSERA_WEBHOOK_SECRETS: webhookSecrets,
    OTEL_EXPORTER_OTLP_HEADERS: traceHeaders,
    ...others
  } = config;
  return {
    ...others,
    API_KEYS: `${keys.length} keys`,
    TESSERA_WEBHOOK_SECRETS: `${webhookSecrets.length} secrets`,
    ...(redis === undefined ? {} : { REDIS_URL: 'set' }),
    ...(token === undefined ? {} : { LABEL_STUDIO_API_KEY: 'set' }),
    ...(traceHeaders === undefined ? {} : { OTEL_EXPORTER_OTLP_HEADERS: 'set' }),
  };
}

function fromText(schema: TSchema, text: string): unknown {
  const type = (schema as { type?: unknown }).type;
  if (type === 'integer' || type === 'number') return Number(text);
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (type === 'array') {
    const items = text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    const { items: itemSchema } = schema as TArray;
    return items.map((item) => fromText(itemSchema, item));
  }
  return text;
}
