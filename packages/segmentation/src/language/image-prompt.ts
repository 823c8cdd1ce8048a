import type { LisaSettings } from '@tessera/contracts';
import { loadSubwordTokenizer, type SubwordTokenizer } from './subword-tokenizer.js';
import type { Bundle } from '@tessera/inference';

const imageMark = '<image>';
const textMark = '{text}';

type PromptSettings = Pick<LisaSettings, 'tokenizer' | 'prompts' | 'start_token' | 'seg_token' | 'mask_source'>;

/** A query in its prompt. */
export interface PromptedQuery {
  /** Tokens after the image; what follows the last one is the answer. */
  readonly ids: readonly number[];
  /** Parts of the query that only the prompt itself may have, and that were left out. */
  readonly removed: readonly string[];
}

/** The prompt of a language model that reads an image and a query, in tokens. */
export class ImagePrompt {
  /** Tokens before the image. */
  readonly prefix: readonly number[];
  readonly #tokenizer: SubwordTokenizer;
  readonly #settings: PromptSettings;
  readonly #control: readonly string[];

  private constructor(tokenizer: SubwordTokenizer, settings: PromptSettings) {
    this.#tokenizer = tokenizer;
    this.#settings = settings;
    const added = tokenizer.get_added_tokens_decoder();
    if (!added.has(settings.seg_token)) {
      throw new Error(`${settings.tokenizer} has no added token ${settings.seg_token}, which seg_token names.`);
    }
    this.#control = [...added.values()].map(({ content }) => content).concat(imageMark);
    const [before, other] = Object.values(settings.prompts).map((template) => parts(template).before);
    if (before === undefined || before !== other) throw new Error('The prompts differ before the image.');
    this.prefix = [settings.start_token, ...this.#encode(before)];
  }

  /** @throws BundleError or Error when the tokenizer or the templates are not of their form */
  static async create(bundle: Bundle, settings: PromptSettings): Promise<ImagePrompt> {
    return new ImagePrompt(await loadSubwordTokenizer(bundle, settings.tokenizer), settings);
  }

  /** A query that ends as a sentence does is put in as it is; of any other the prompt asks what it is. */
  write(query: string): PromptedQuery {
    const { text, removed } = this.#withoutControl(query.replaceAll(/\s+/gu, ' ').trim());
    const { prompts, mask_source: source, seg_token: seg } = this.#settings;
    const { after } = parts(/[.?!]$/u.test(text) ? prompts.sentence : prompts.phrase);
    const ids = this.#encode(after.replace(textMark, () => text));
    return { ids: source === 'seg' ? [...ids, seg] : ids, removed };
  }

  /** Without what would be read as a part of the prompt itself. */
  #withoutControl(query: string): { readonly text: string; readonly removed: readonly string[] } {
    const found = this.#control.filter((token) => query.includes(token));
    if (found.length === 0) return { text: query, removed: [] };
    const { text, removed } = this.#withoutControl(found.reduce((text, token) => text.replaceAll(token, ' '), query));
    return { text: text.replaceAll(/\s+/gu, ' ').trim(), removed: [...new Set([...found, ...removed])] };
  }

  #encode(text: string): number[] {
    return this.#tokenizer.encode(text, { add_special_tokens: false }).ids;
  }
}

function parts(template: string): { readonly before: string; readonly after: string } {
  const [before, after, ...more] = template.split(imageMark);
  if (before === undefined || after?.split(textMark).length !== 2 || more.length > 0) {
    throw new Error(`A prompt has ${imageMark} once, and ${textMark} once after it: "${template}".`);
  }
  return { before, after };
}
