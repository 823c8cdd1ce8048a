import { longestLabelConfig, TesseraError } from '@tessera/contracts';
import { SaxesParser, type SaxesTagPlain } from 'saxes';

/** What is drawn as the answer: the kinds of controls that predictions are made for. */
export type RegionKind = 'brushlabels' | 'polygonlabels' | 'rectanglelabels';

/** A label of a control. */
export interface LabelChoice {
  /** The name in regions: the label's alias, or else its value. */
  readonly name: string;
  /** What is asked for: its `predicted_values`, separated by commas, or else its value. */
  readonly queries: readonly string[];
}

/** A control that regions are drawn with, on an image. */
export interface RegionControl {
  readonly kind: RegionKind;
  readonly name: string;
  /** Name of the image. */
  readonly toName: string;
  /** Whether it is a tool for prompts: what is drawn with it asks for a prediction. */
  readonly isSmart: boolean;
  readonly labels: readonly LabelChoice[];
}

/** What is read of a labeling configuration. */
export interface LabelingConfig {
  /** In their order. */
  readonly controls: readonly RegionControl[];
  /** The field of a task's data that has the image, by the name of the image. */
  readonly images: ReadonlyMap<string, string>;
  /** Whether there are any tags but views: a project has an empty configuration before it is set up. */
  readonly isEmpty: boolean;
}

/** Most tags, and how deep they may be nested: no configuration that people write has as many. */
const mostTags = 10_000;
const deepest = 100;
const longestName = 512;

const regionKinds = new Set<string>(['brushlabels', 'polygonlabels', 'rectanglelabels'] satisfies RegionKind[]);

/**
 * Reads a labeling configuration. Names of tags are compared without case, as Label Studio does. Document types are refused,
 * so that there are no entities but those of XML itself.
 *
 * @param pointer - to the configuration in the request
 * @throws TesseraError `TSR_VALIDATION` for what is not well-formed, too long, too deep or has a document type
 */
export function parseLabelingConfig(text: string, pointer: string): LabelingConfig {
  const refuse = (message: string) => TesseraError.invalid([{ pointer, message }]);
  if (text.length > longestLabelConfig) throw refuse(`must not have more than ${longestLabelConfig} characters`);
  const reader = new ConfigReader(refuse);
  const parser = new SaxesParser();
  parser.on('doctype', () => {
    throw refuse('must not have a document type');
  });
  parser.on('opentag', (tag) => {
    reader.open(tag);
  });
  parser.on('closetag', () => {
    reader.close();
  });
  parser.on('error', (error) => {
    throw refuse(`is not well-formed XML: ${error.message.slice(0, 200)}`);
  });
  parser.write(text.trim()).close();
  return reader.config();
}

interface OpenControl extends RegionControl {
  readonly labels: LabelChoice[];
}

/** Collects controls, labels and images from the tags as they open and close. */
class ConfigReader {
  readonly #refuse: (message: string) => TesseraError;
  readonly #controls: OpenControl[] = [];
  readonly #images = new Map<string, string>();
  /** Per open tag the control that labels in it belong to. */
  readonly #open: (OpenControl | undefined)[] = [];
  #tags = 0;
  #others = 0;

  constructor(refuse: (message: string) => TesseraError) {
    this.#refuse = refuse;
  }

  open({ name, attributes }: SaxesTagPlain): void {
    if (++this.#tags > mostTags) throw this.#refuse(`must not have more than ${mostTags} tags`);
    if (this.#open.length >= deepest) throw this.#refuse(`must not be nested deeper than ${deepest} tags`);
    const kind = name.toLowerCase();
    if (kind !== 'view') this.#others++;
    if (kind === 'image') this.#addImage(attributes);
    const outer = this.#open.at(-1);
    if (kind === 'label' && outer !== undefined) addLabel(outer, attributes);
    this.#open.push(this.#controlOf(kind, attributes) ?? outer);
  }

  close(): void {
    this.#open.pop();
  }

  config(): LabelingConfig {
    const controls = this.#controls.flatMap((control) => {
      const toName = control.toName.split(',').find((name) => this.#images.has(name.trim()));
      return toName === undefined ? [] : [{ ...control, toName: toName.trim() }];
    });
    return { controls, images: this.#images, isEmpty: this.#others === 0 };
  }

  #addImage({ name = '', value = '' }: Readonly<Record<string, string>>): void {
    if (value.startsWith('$') && name !== '') this.#images.set(name, value.slice(1));
  }

  #controlOf(kind: string, attributes: Readonly<Record<string, string>>): OpenControl | undefined {
    const { name = '', toName = '', smart } = attributes;
    if (!regionKinds.has(kind) || name === '' || toName === '') return undefined;
    if (name.length > longestName || toName.length > longestName) throw this.#refuse('has a name that is too long');
    const control = { kind: kind as RegionKind, name, toName, isSmart: smart === 'true', labels: [] };
    this.#controls.push(control);
    return control;
  }
}

function addLabel(control: OpenControl, attributes: Readonly<Record<string, string>>): void {
  const { value = '', alias = '', predicted_values: predicted = '' } = attributes;
  const name = (alias === '' ? value : alias).trim();
  const queries = (predicted === '' ? [value] : predicted.split(','))
    .map((query) => query.trim())
    .filter((query) => query !== '');
  if (name !== '' && queries.length > 0) control.labels.push({ name, queries });
}
