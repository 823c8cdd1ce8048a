import Type, { type Static } from 'typebox';
import { ImageSource } from './segment.js';
import { Webhook } from './webhook.js';

const strict = { additionalProperties: false } as const;
const Probability = Type.Number({ minimum: 0, maximum: 1 });
const Scored = Type.Object({ label: Type.String(), score: Probability });

/** Largest requests that the contract allows. */
export const classifyLimits = {
  images: 32,
  attributes: 2000,
  objects: 2000,
  candidates: 300_000,
  attributesOfPair: 8,
  topK: 10_000,
} as const;

/** An attribute or an object, in words. */
export const Primitive = Type.String({ minLength: 1, maxLength: 128, pattern: '\\S' });

/** One or more attributes, then the object. */
export const Pair = Type.Array(Primitive, { minItems: 2, maxItems: classifyLimits.attributesOfPair + 1 });
export type Pair = Static<typeof Pair>;

/** Name of a trained vocabulary. */
export const VocabularyName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  description: 'Letters, digits, `.`, `_` and `-`; at most 64.',
});

export const InlineVocabulary = Type.Object(
  {
    attributes: Type.Array(Primitive, { minItems: 1, maxItems: classifyLimits.attributes }),
    objects: Type.Array(Primitive, { minItems: 1, maxItems: classifyLimits.objects }),
  },
  {
    ...strict,
    description:
      'Names are compared without case and outer spaces, and with `_`, `-` and runs of spaces as one space: `Red` and `red ` are one name, and so are `dark_red` and `dark red`. Answers show a name as it was first spelled.',
  },
);
export type InlineVocabulary = Static<typeof InlineVocabulary>;

/** Everything of a request but its images. */
export const ClassifyOptions = Type.Object(
  {
    model: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 128,
        description:
          'A name from /models. Otherwise the model that the vocabulary was trained for; for an inline one the default.',
      }),
    ),
    vocabulary: Type.Union([VocabularyName, InlineVocabulary], {
      description: 'The name of a trained vocabulary, or lists of attributes and objects.',
    }),
    pairs: Type.Optional(
      Type.Array(Pair, {
        minItems: 1,
        maxItems: classifyLimits.candidates,
        description: 'Exactly these candidates; each is one or more attributes, then the object.',
      }),
    ),
    world: Type.Optional(
      Type.Enum(['closed', 'open'], {
        default: 'closed',
        description:
          'Candidates when there are no `pairs`. closed: the pairs that the vocabulary was trained on, or every pair of an inline one. open: every attribute with every object.',
      }),
    ),
    feasibility_threshold: Type.Optional(
      Type.Number({
        minimum: -1,
        maximum: 1,
        description: 'In the open world, exclude unseen pairs whose feasibility is below.',
      }),
    ),
    unseen_bias: Type.Optional(
      Type.Number({
        minimum: -1e6,
        maximum: 1e6,
        default: 0,
        description: 'Added to the logits of pairs that were not seen in training.',
      }),
    ),
    top_k: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: classifyLimits.topK,
        default: 5,
        description: 'Predictions per image. Scores are a softmax over all candidates, before this cut.',
      }),
    ),
    marginals: Type.Optional(
      Type.Boolean({ default: false, description: 'Also a score per attribute and per object: sums over the pairs.' }),
    ),
    unknown_primitives: Type.Optional(
      Type.Enum(['pretrained', 'error'], {
        default: 'pretrained',
        description:
          'What to do with words in `pairs` that the vocabulary was not trained on: use what the model knew before, or refuse.',
      }),
    ),
  },
  { ...strict },
);
export type ClassifyOptions = Static<typeof ClassifyOptions>;

export const ClassifyCompositionRequest = Type.Object(
  {
    image: Type.Optional(ImageSource),
    images: Type.Optional(Type.Array(ImageSource, { minItems: 1, maxItems: classifyLimits.images })),
    ...ClassifyOptions.properties,
    webhook: Type.Optional(Webhook),
  },
  { ...strict, description: 'Give either `image` or `images`.' },
);
export type ClassifyCompositionRequest = Static<typeof ClassifyCompositionRequest>;

const PrimitiveSource = Type.Enum(['soft', 'pretrained'], {
  description: 'Whether the word has a row that was learned for this vocabulary.',
});

export const CompositionPrediction = Type.Object({
  label: Type.String({ description: 'The words of the pair.' }),
  attributes: Type.Array(Type.String()),
  object: Type.String(),
  score: Probability,
  logit: Type.Number({ description: 'logit_scale · cosine, before unseen_bias.' }),
  seen: Type.Boolean({ description: 'Whether the vocabulary was trained on this pair.' }),
  feasibility: Type.Optional(Type.Number({ description: 'Open world with a threshold: how plausible the pair is.' })),
  sources: Type.Object({ attributes: Type.Array(PrimitiveSource), object: PrimitiveSource }),
});
export type CompositionPrediction = Static<typeof CompositionPrediction>;

export const CompositionResult = Type.Object({
  index: Type.Integer({ minimum: 0, description: 'Place of the image in the request.' }),
  predictions: Type.Array(CompositionPrediction, { description: 'Best first.' }),
  none: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description:
        'Calibrated probability that no candidate fits the image; the scores are shared out as if one did. Absent when the model’s bundle has no calibration for it, and for vocabularies of the method coop.',
    }),
  ),
  attributes: Type.Optional(Type.Array(Scored, { description: 'Marginals, best first.' })),
  objects: Type.Optional(Type.Array(Scored, { description: 'Marginals, best first.' })),
});
export type CompositionResult = Static<typeof CompositionResult>;

export const CompositionWarning = Type.Object({
  code: Type.Enum(['unknown_words'], {
    description:
      'unknown_words: no part of these words is in the model’s vocabulary, so that their scores mean nothing. Words that the trained vocabulary has learned vectors for are not among them.',
  }),
  words: Type.Array(Type.String()),
});
export type CompositionWarning = Static<typeof CompositionWarning>;

export const ClassifyCompositionResponse = Type.Object({
  id: Type.String(),
  model: Type.String({ description: 'name@version' }),
  vocabulary: Type.Optional(Type.String({ description: 'Name of the trained vocabulary; absent for an inline one.' })),
  results: Type.Array(CompositionResult, { description: 'One per image, in their order.' }),
  candidates: Type.Object({
    count: Type.Integer({ description: 'Pairs among which the scores are shared out.' }),
    excluded: Type.Integer({ description: 'Pairs that were left out as infeasible.' }),
  }),
  calibration: Type.Object({ unseen_bias: Type.Number(), logit_scale: Type.Number() }),
  warnings: Type.Array(CompositionWarning, { description: 'About the candidates, for all images.' }),
  timings_ms: Type.Record(Type.String(), Type.Number(), { description: 'Milliseconds per stage, and `total`.' }),
});
export type ClassifyCompositionResponse = Static<typeof ClassifyCompositionResponse>;
