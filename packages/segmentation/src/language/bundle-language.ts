import { BundleClass, type BoxSegmentationSettings } from '@tessera/contracts';
import type { Bundle, InferenceRunner } from '@tessera/inference';
import { loadTokenizer } from '@tessera/tokenizer';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { QueryMatcher } from './query-matcher.js';
import { TextEncoder } from './text-encoder.js';

/** What a bundle knows about language. */
export interface BundleLanguage {
  readonly classCount: number;
  readonly encoder: TextEncoder;
  readonly matcher: QueryMatcher;
}

/**
 * Loads classes and tokenizer of a bundle, and embeds the texts of all classes once.
 *
 * @throws BundleError or Error when a file is missing or is not of its form
 * @throws TesseraError `TSR_INFERENCE_FAILED`
 */
export async function loadLanguage(
  bundle: Bundle,
  runner: InferenceRunner,
  files: Pick<BoxSegmentationSettings, 'classes' | 'tokenizer'>,
): Promise<BundleLanguage> {
  const classes = Value.Parse(Type.Array(BundleClass), await readJson(bundle, files.classes));
  const tokenizer = loadTokenizer(await readJson(bundle, files.tokenizer));
  const encoder = new TextEncoder(bundle, runner, tokenizer);
  return { classCount: classes.length, encoder, matcher: await QueryMatcher.create(classes, tokenizer, encoder) };
}

async function readJson(bundle: Bundle, file: string): Promise<unknown> {
  return JSON.parse(Buffer.from(await bundle.readFile(file)).toString('utf8')) as unknown;
}
