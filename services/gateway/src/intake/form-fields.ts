import { TesseraError } from '@tessera/contracts';
import type { TSchema } from 'typebox';
import { formValue, parseJson } from './form-values.js';

/** What a form of a route may hold. */
export interface FormShape {
  /** The fields of the equivalent JSON body. */
  readonly properties: Readonly<Record<string, TSchema>>;
  /** Fields that may be repeated, once per value. */
  readonly lists: readonly string[];
  /** Fields for one value, with the list that they stand for when they are repeated. */
  readonly plurals?: Readonly<Record<string, string>>;
  /**
   * Fields that may be files; lists may be repeated, once per file. A file in the field `file` takes the place of the text
   * of the first one.
   */
  readonly files: readonly string[];
  /** Fields that may be in the JSON object of the field `options` instead. */
  readonly options: readonly string[];
  readonly maxFiles: number;
}

/** Collects the parts of a form into a JSON body, and the errors among them. */
export class FormFields {
  readonly #shape: Omit<FormShape, 'maxFiles'>;
  readonly #values = new Map<string, unknown>();
  readonly #problems = new Map<string, string>();
  /** Values after the first of fields that have a plural. */
  readonly #repeated = new Map<string, unknown[]>();
  /** Files of the field `file`: those that somebody chose on a page whose form has an example image. */
  readonly #chosen: { readonly id: string }[] = [];
  #options: Record<string, unknown> | undefined;
  #malformed: string | undefined;

  constructor(shape: Omit<FormShape, 'maxFiles'>) {
    this.#shape = shape;
  }

  /** @returns whether a file belongs there */
  addFile(name: string, reference: { readonly id: string }): boolean {
    const { files } = this.#shape;
    if (name === 'file') this.#chosen.push(reference);
    else if (files.includes(name)) this.#add(name, reference);
    else this.refuse(name, `must not be a file; files are called ${[...files, 'file'].join(' or ')}`);
    return name === 'file' || files.includes(name);
  }

  /** Adds a field; a JSON list where one value belongs stands for its plural. An empty one is not given, as browsers send those that nobody filled in. */
  addText(name: string, text: string): void {
    if (text.trim() === '' && (name in this.#shape.properties || name === 'file')) return;
    if (text === '' && name === 'options') return;
    // The form's parser puts this character in place of bytes that are not UTF-8.
    if (text.includes('\ufffd')) {
      const problem = 'is not valid UTF-8, or contains the replacement character U+FFFD';
      this.#malformed ??= `The form field ${name.slice(0, 128)} ${problem}.`;
    }
    const plural = this.#shape.plurals?.[name];
    const isJsonList = text.trimStart().startsWith('[') && Array.isArray(parseJson(text));
    if (name === 'options') this.#setOptions(text);
    else if (name === 'file') this.refuse(name, 'must be a file');
    else if (plural !== undefined && isJsonList) this.#addList(plural, text);
    else if (this.#shape.lists.includes(name) && text.trimStart().startsWith('[')) this.#addList(name, text);
    else this.#add(name, formValue(this.#schemaOf(name), text));
  }

  /** Of a part; the form's parser gives none where the part has none. */
  hasName(name: string | undefined): name is string {
    if (name === undefined) this.#malformed ??= 'A part of the form has no name.';
    return name !== undefined;
  }

  refuse(name: string, message: string): void {
    this.#problems.set(name, message);
  }

  /**
   * @throws TesseraError `TSR_VALIDATION` with a pointer per part that is wrong, `TSR_BODY_INVALID` for a field that is
   * not valid UTF-8, and for a part without a name
   */
  toBody(): Record<string, unknown> {
    if (this.#malformed !== undefined) throw new TesseraError('TSR_BODY_INVALID', this.#malformed);
    this.#placeChosenFiles();
    for (const name of this.#shape.options) {
      if (this.#values.has(name) && Object.hasOwn(this.#options ?? {}, name))
        this.refuse(name, 'must be given once, as a field or in options');
    }
    if (this.#problems.size > 0) {
      throw TesseraError.invalid([...this.#problems].map(([name, message]) => ({ pointer: `/${name}`, message })));
    }
    const body = new Map(this.#values);
    for (const [name, others] of this.#repeated) {
      const plural = this.#shape.plurals?.[name];
      // Beside a list the single field stays, for the error that names both.
      if (plural === undefined || body.has(plural)) continue;
      body.set(plural, [body.get(name), ...others]);
      body.delete(name);
    }
    return { ...this.#options, ...Object.fromEntries(body) };
  }

  #placeChosenFiles(): void {
    const [name] = this.#shape.files;
    if (name === undefined || this.#chosen.length === 0) return;
    if (typeof this.#values.get(name) === 'string') this.#values.delete(name);
    for (const reference of this.#chosen) this.#add(name, reference);
  }

  #schemaOf(name: string) {
    const schema = this.#shape.properties[name];
    if (!this.#shape.lists.includes(name)) return schema;
    return (schema as { items?: typeof schema } | undefined)?.items;
  }

  #setOptions(text: string): void {
    if (this.#options !== undefined) {
      this.refuse('options', 'must be given once');
      return;
    }
    this.#options = {};
    const options = parseJson(text);
    if (typeof options !== 'object' || options === null || Array.isArray(options)) {
      this.refuse('options', 'must be a JSON object');
      return;
    }
    const foreign = Object.keys(options).filter((name) => !this.#shape.options.includes(name));
    for (const name of foreign.slice(0, 8)) this.refuse(`options/${name.slice(0, 128)}`, 'is not a known option');
    this.#options = { ...options };
  }

  #addList(name: string, text: string): void {
    const values = parseJson(text);
    if (!Array.isArray(values)) this.refuse(name, 'must be JSON, or the field repeated');
    else this.#append(name, values);
  }

  #append(name: string, values: readonly unknown[]): void {
    this.#values.set(name, [...((this.#values.get(name) as unknown[] | undefined) ?? []), ...values]);
  }

  #add(name: string, value: unknown): void {
    if (value === undefined) {
      this.refuse(name, 'is not valid JSON');
      return;
    }
    const { lists, plurals = {} } = this.#shape;
    const plural = plurals[name];
    if (lists.includes(name)) {
      this.#append(name, [value]);
    } else if (!this.#values.has(name) && !this.#repeated.has(name)) {
      this.#values.set(name, value);
    } else if (plural === undefined) {
      this.refuse(name, ['must be given once', ...lists.map((list) => `${list} may be repeated`)].join('; '));
    } else {
      this.#repeated.set(name, [...(this.#repeated.get(name) ?? []), value]);
    }
  }
}
