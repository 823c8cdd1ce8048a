import Type, { type Static } from 'typebox';
import { ImageSource } from './segment.js';

const strict = { additionalProperties: false } as const;
const Primitive = Type.String({ minLength: 1, maxLength: 128 });
const Probability = Type.Number({ minimum: 0, maximum: 1 });
const Scored = Type.Object({ label: Type.String(), score: Type.Number() });

export const classifyLimits = { images: 32, attributes: 2000, objects: 2000, candidates: 300_000 } as const;

const InlineVocabulary = Type.Object(
  {
    attributes: Type.Array(Primitive, { minItems: 1, maxItems: classifyLimits.attributes }),
    objects: Type.Array(Primitive, { minItems: 1, maxItems: classifyLimits.objects }),
  },
  { ...strict },
);

export const ClassifyCompositionRequest = Type.Object(
  {
    image: Type.Optional(ImageSource),
    images: Type.Optional(Type.Array(ImageSource, { minItems: 1, maxItems: classifyLimits.images })),
    model: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    vocabulary: Type.Union([Primitive, InlineVocabulary]),
    pairs: Type.Optional(
      Type.Array(Type.Array(Primitive, { minItems: 2 }), {
        minItems: 1,
        maxItems: classifyLimits.candidates,
        description: 'Exactly these candidates; each is one or more attributes, then the object.',
      }),
    ),
    world: Type.Optional(Type.Enum(['closed', 'open'], { default: 'closed' })),
    feasibility_threshold: Type.Optional(Type.Number({ minimum: -1, maximum: 1 })),
    unseen_bias: Type.Optional(Type.Number({ default: 0 })),
    top_k: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 5 })),
    marginals: Type.Optional(Type.Boolean({ default: false })),
    unknown_primitives: Type.Optional(Type.Enum(['pretrained', 'error'], { default: 'pretrained' })),
  },
  { ...strict, description: 'Give either `image` or `images`.' },
);
export type ClassifyCompositionRequest = Static<typeof ClassifyCompositionRequest>;

const PrimitiveSource = Type.Enum(['soft', 'pretrained']);

export const ClassifyCompositionResponse = Type.Object({
  id: Type.String(),
  model: Type.String(),
  vocabulary: Type.String(),
  results: Type.Array(
    Type.Object({
      index: Type.Integer({ minimum: 0 }),
      predictions: Type.Array(
        Type.Object({
          label: Type.String(),
          attributes: Type.Array(Type.String()),
          object: Type.String(),
          score: Probability,
          logit: Type.Number(),
          seen: Type.Boolean(),
          feasibility: Type.Optional(Type.Number()),
          sources: Type.Object({ attributes: Type.Array(PrimitiveSource), object: PrimitiveSource }),
        }),
      ),
      attributes: Type.Optional(Type.Array(Scored)),
      objects: Type.Optional(Type.Array(Scored)),
    }),
  ),
  candidates: Type.Object({ count: Type.Integer(), excluded: Type.Integer() }),
  calibration: Type.Object({ unseen_bias: Type.Number(), logit_scale: Type.Number() }),
  timings_ms: Type.Record(Type.String(), Type.Number()),
});
