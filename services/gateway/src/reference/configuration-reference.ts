import { ConfigSchema } from '@tessera/contracts';
import { generatedNotice, markdownTable } from './markdown.js';

/** The keywords of a setting's schema that the reference shows. */
interface Setting {
  readonly description: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: Setting;
  readonly default?: string | number | boolean | readonly string[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
}

/** `docs/reference/configuration.md`: every environment variable of the service. */
export function configurationReference(): string {
  const settings = Object.entries(JSON.parse(JSON.stringify(ConfigSchema.properties)) as Record<string, Setting>);
  const table = markdownTable(
    ['Variable', 'Value', 'Default', 'Meaning'],
    settings.map(([name, setting]) => [`\`${name}\``, valueOf(setting), defaultOf(setting), setting.description]),
  );
  return `${[
    '# Configuration',
    generatedNotice,
    'Everything is configured by environment variables, read once at start. Invalid values and unknown variables that start with `TESSERA_` end the process with a message that names each of them. Empty variables count as unset.',
    table,
  ].join('\n\n')}\n`;
}

function valueOf(setting: Setting): string {
  if (setting.type === 'array') return `list of ${setting.items === undefined ? 'values' : valueOf(setting.items)}`;
  if (setting.enum !== undefined) return setting.enum.map((value) => `\`${value}\``).join(', ');
  if (setting.pattern !== undefined) return `text matching \`${setting.pattern.replaceAll('|', '\\|')}\``;
  return [setting.type === 'string' ? 'text' : setting.type, bounds(setting)].filter((part) => part !== '').join(', ');
}

function bounds({ minimum, exclusiveMinimum, maximum }: Setting): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `at least ${minimum}`;
  if (exclusiveMinimum !== undefined) return `above ${exclusiveMinimum}`;
  return '';
}

function defaultOf({ default: value }: Setting): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'unset';
  return `\`${value.toString()}\``;
}
