import { randomBytes } from 'node:crypto';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isExpired, keyNamePattern, type NamedApiKey } from '@tessera/contracts';
import { digestOfKey } from '@tessera/runtime/key-file';
import { CommandFailure, UsageError } from '../command-errors.js';
import type { Command, CommandContext } from '../command.js';
import { editKeyFile, keysOf } from '../edit-key-file.js';
import { numberOption, textOption } from '../option-values.js';
import { table } from '../tables.js';

const fileOption = { file: { type: 'string' } } as const;
const fileHelp = { file: 'the file of keys; otherwise API_KEYS_FILE' };
const keyBytes = 32;
const dayMs = 86_400_000;

export const keysCreate: Command = {
  usage: 'keys create <name>',
  summary: 'Make an API key for the service, and print it this once',
  details:
    'The file gets its SHA-256 alone, and is made where there is none, its directory too. Services that read it accept the key within seconds.',
  examples: [
    ['tessera keys create annotators --file keys.json', 'a key without an end'],
    ['tessera keys create trial --file keys.json --expires 30d --rate-limit 60', 'for a month, 60 requests per minute'],
  ],
  positionals: { min: 1, max: 1 },
  options: { ...fileOption, expires: { type: 'string' }, 'rate-limit': { type: 'string' } },
  optionHelp: {
    ...fileHelp,
    expires: 'in days, as 30d, or a date, as 2030-01-31, or a time with its zone',
    'rate-limit': 'requests per minute; otherwise TESSERA_RATE_LIMIT_PER_MIN of the service',
  },
  async run(context) {
    const { positionals, options, print, say } = context;
    const [name = ''] = positionals;
    if (!new RegExp(keyNamePattern).test(name)) {
      throw new UsageError(`A name has up to 64 letters, digits, dots, dashes and underscores, not "${name}".`);
    }
    const expiry = expiryOf(textOption(options, 'expires'));
    const rateLimit = numberOption(options, 'rate-limit', { min: 1, isInteger: true });
    const file = fileOf(context);
    const key = `tsr_${randomBytes(keyBytes).toString('base64url')}`;
    // Where that fails, writing the file says why.
    await mkdir(dirname(file), { recursive: true }).catch(() => undefined);
    await editKeyFile(file, (keys) => {
      if (keys.some((other) => other.name === name)) {
        throw new CommandFailure(`There is a key with the name ${name} in ${file}; revoke it, or choose another name.`);
      }
      const added: NamedApiKey = {
        name,
        sha256: digestOfKey(key).toString('hex'),
        created_at: new Date().toISOString(),
        ...(expiry === undefined ? {} : { expires_at: expiry }),
        ...(rateLimit === undefined ? {} : { rate_limit: rateLimit }),
      };
      return [...keys, added];
    });
    print(key);
    say(`Keep it now: ${file} has its digest alone, and it cannot be shown again.`);
  },
};

export const keysWebhookSecret: Command = {
  usage: 'keys webhook-secret <name>',
  summary: 'Make a secret that signs the webhooks of an API key, and print it this once',
  details:
    'Webhooks are signed with the earlier secret too, so that receivers can change from one to the other; make another one, or use --only, to end it.',
  examples: [
    ['tessera keys webhook-secret annotators --file keys.json', 'a first or a further secret'],
    ['tessera keys webhook-secret annotators --file keys.json --only', 'the earlier ones sign no more'],
  ],
  positionals: { min: 1, max: 1 },
  options: { ...fileOption, only: { type: 'boolean', default: false } },
  optionHelp: { ...fileHelp, only: 'end the earlier secrets at once' },
  async run(context) {
    const { positionals, options, print, say } = context;
    const [name = ''] = positionals;
    const file = fileOf(context);
    await keysOf(file);
    const secret = `whsec_${randomBytes(keyBytes).toString('base64')}`;
    const kept = options.only === true ? 0 : 1;
    await editKeyFile(file, (keys) => {
      if (!keys.some((key) => key.name === name)) {
        throw new CommandFailure(`There is no key with the name ${name} in ${file}.`);
      }
      return keys.map((key) => {
        if (key.name !== name) return key;
        return { ...key, webhook_secrets: [secret, ...(key.webhook_secrets ?? []).slice(0, kept)] };
      });
    });
    print(secret);
    say('Receivers check signatures with it. Services that read the file sign with it within seconds.');
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) say(`Who can read ${file} can sign webhooks now; chmod 600 leaves it to its owner.`);
  },
};

export const keysList: Command = {
  usage: 'keys list',
  summary: 'List the API keys of a file by their names',
  examples: [['tessera keys list --file keys.json', 'names, dates and limits']],
  positionals: { min: 0, max: 0 },
  options: { ...fileOption, json: { type: 'boolean', default: false } },
  optionHelp: { ...fileHelp, json: 'print JSON' },
  async run(context) {
    const keys = await keysOf(fileOf(context));
    if (context.options.json === true) {
      const shown = keys.map((key) => ({ ...key, sha256: undefined, webhook_secrets: undefined }));
      context.print(JSON.stringify(shown, null, 2));
    } else if (keys.length === 0) context.print('There are none yet; make one with `tessera keys create`.');
    else context.print(table([['Name', 'Created', 'Expires', 'Per minute', 'Status'], ...keys.map(row)]));
  },
};

export const keysRevoke: Command = {
  usage: 'keys revoke <name>',
  summary: 'Remove an API key from a file',
  details: 'Services that read the file refuse the key within seconds. Requests that they have accepted go on.',
  examples: [['tessera keys revoke trial --file keys.json', 'the key is refused from then on']],
  positionals: { min: 1, max: 1 },
  options: fileOption,
  optionHelp: fileHelp,
  async run(context) {
    const [name = ''] = context.positionals;
    const file = fileOf(context);
    await keysOf(file);
    await editKeyFile(file, (keys) => {
      const others = keys.filter((key) => key.name !== name);
      if (others.length === keys.length) throw new CommandFailure(`There is no key with the name ${name} in ${file}.`);
      return others;
    });
    context.say(`${name} is revoked.`);
  },
};

function fileOf({ options, environment }: CommandContext): string {
  const file = textOption(options, 'file') ?? environment.API_KEYS_FILE ?? '';
  if (file === '') throw new UsageError('Give the file of keys with --file, or set API_KEYS_FILE.');
  return file;
}

/** @throws UsageError unless it is a number of days or a date, in the future */
function expiryOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const days = /^(\d{1,5})d$/.exec(text)?.[1];
  const isDate = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/.test(text);
  const timeMs = days === undefined ? (isDate ? Date.parse(text) : NaN) : Date.now() + Number(days) * dayMs;
  if (timeMs > Date.now()) return new Date(timeMs).toISOString();
  throw new UsageError(`--expires is a number of days, as 30d, or a date to come, as 2030-01-31, not "${text}".`);
}

function row({ name, created_at: created, expires_at: expiry, rate_limit: limit }: NamedApiKey): string[] {
  return [
    name,
    created?.slice(0, 10) ?? '',
    expiry?.slice(0, 16) ?? 'never',
    limit?.toString() ?? '',
    isExpired(expiry, Date.now()) ? 'expired' : 'accepted',
  ];
}
