import { UsageError } from './command-errors.js';
import type { OptionValues } from './command.js';

export function textOption(options: OptionValues, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** The values of an option that may be given several times. */
export function listOption(options: OptionValues, name: string): readonly string[] {
  const values = options[name];
  return Array.isArray(values) ? (values as readonly string[]) : [];
}

/** @throws UsageError unless the option is absent or a number within the limits */
export function numberOption(
  options: OptionValues,
  name: string,
  { min = -Infinity, max = Infinity, isInteger = false }: { min?: number; max?: number; isInteger?: boolean } = {},
): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (
    text.trim() !== '' &&
    value >= min &&
    value <= max &&
    Number.isFinite(value) &&
    (!isInteger || Number.isInteger(value))
  )
    return value;
  const kind = isInteger ? 'a whole number' : 'a number';
  const limits = [
    ...(min === -Infinity ? [] : [`from ${min}`]),
    ...(max === Infinity ? [] : [`${min === -Infinity ? 'up ' : ''}to ${max}`]),
  ];
  throw new UsageError(`--${name} is ${[kind, ...limits].join(' ')}, not "${text}".`);
}

/**
 * Numbers of an option such as `12,80`.
 *
 * @throws UsageError unless there are as many as the form has
 */
export function numbersOf(text: string, name: string, form: string): number[] {
  const numbers = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (numbers.length === form.split(',').length && numbers.every(Number.isFinite)) return numbers;
  throw new UsageError(`--${name} is ${form} in pixels, not "${text}".`);
}
