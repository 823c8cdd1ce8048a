import Type, { type Static } from 'typebox';
import { classifyLimits, Pair, Primitive, VocabularyName } from './classify-composition.js';
import { ImageSource } from './segment.js';
import { Webhook } from './webhook.js';

const strict = { additionalProperties: false } as const;

/** Largest training sets that the contract allows. */
export const trainingLimits = { inlineExamples: 512, examples: 200_000 } as const;

export const TrainingMethod = Type.Enum(['csp', 'coop', 'clip'], {
  default: 'csp',
  description:
    'csp: one learned vector per attribute and object. coop: three learned context vectors. clip: nothing is learned, only measured.',
});
export type TrainingMethod = Static<typeof TrainingMethod>;

export const ExampleSet = Type.Enum(['train', 'val', 'test'], {
  default: 'train',
  description:
    'train: learned from, its pairs are the seen ones. val: chooses the best epoch and gives the metrics. test: not used in training.',
});
export type ExampleSet = Static<typeof ExampleSet>;

const recipeFields = {
  epochs: Type.Integer({ minimum: 1, maximum: 500, description: 'Passes over the training examples.' }),
  batch_size: Type.Integer({ minimum: 1, maximum: 4096, description: 'Examples of one step.' }),
  learning_rate: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
  weight_decay: Type.Number({ minimum: 0, maximum: 1, description: 'L2, added to the gradient.' }),
  dropout: Type.Number({
    minimum: 0,
    maximum: 0.95,
    description: 'Share of the learned values that a step leaves out.',
  }),
  seed: Type.Integer({ minimum: 0, maximum: 2 ** 31 - 1, description: 'Of the order of examples and the dropout.' }),
};

/** How soft prompts are trained. */
export const TrainingRecipe = Type.Object(recipeFields, { ...strict });
export type TrainingRecipe = Static<typeof TrainingRecipe>;

/** A requested recipe; the model decides what it leaves out. */
export const RequestedRecipe = Type.Partial(TrainingRecipe, {
  ...strict,
  description: 'The model decides what is left out.',
});
export type RequestedRecipe = Static<typeof RequestedRecipe>;

const Attributes = Type.Union(
  [Primitive, Type.Array(Primitive, { minItems: 1, maxItems: classifyLimits.attributesOfPair })],
  { description: 'One attribute, or several.' },
);

const InlineExample = Type.Object(
  { image: ImageSource, attributes: Attributes, object: Primitive, set: Type.Optional(ExampleSet) },
  { ...strict },
);

/** Everything of a training request but its examples. */
export const TrainingOptions = Type.Object(
  {
    name: VocabularyName,
    model: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: 'A name from /models; otherwise the default.' }),
    ),
    method: Type.Optional(TrainingMethod),
    recipe: Type.Optional(RequestedRecipe),
    replace: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether a vocabulary of this name may exist already; it serves until the new one is ready.',
      }),
    ),
    webhook: Type.Optional(Webhook),
  },
  { ...strict },
);
export type TrainingOptions = Static<typeof TrainingOptions>;

export const TrainVocabularyRequest = Type.Object(
  {
    ...TrainingOptions.properties,
    examples: Type.Array(InlineExample, { minItems: 1, maxItems: trainingLimits.inlineExamples }),
  },
  { ...strict },
);
export type TrainVocabularyRequest = Static<typeof TrainVocabularyRequest>;

/** A row of an archive's `metadata.json`. Rows may have more fields; they are ignored. */
export const MetadataRow = Type.Object({
  image: Type.String({ minLength: 1, maxLength: 512, description: 'Path of the image below `images/`.' }),
  attributes: Type.Optional(Attributes),
  attr: Type.Optional(Attributes),
  object: Type.Optional(Primitive),
  obj: Type.Optional(Primitive),
  set: Type.Optional(ExampleSet),
});
export type MetadataRow = Static<typeof MetadataRow>;

/** An example as the worker reads it from the stored training set. */
export const StoredExample = Type.Object({
  image: Type.String({ description: 'The image’s id.' }),
  attributes: Type.Array(Primitive, { minItems: 1, maxItems: classifyLimits.attributesOfPair }),
  object: Primitive,
  set: ExampleSet,
});
export type StoredExample = Static<typeof StoredExample>;

const Share = Type.Number({ minimum: 0, maximum: 1 });

/** The generalised evaluation (Chao et al. 2016; Nayak, Yu, Bach 2023) on the examples of the set `val`. */
export const VocabularyMetrics = Type.Object({
  auc: Type.Number({ minimum: 0, maximum: 1, description: 'Area under the seen–unseen curve.' }),
  best_hm: Type.Number({ minimum: 0, maximum: 1, description: 'Best harmonic mean of seen and unseen accuracy.' }),
  best_seen: Share,
  best_unseen: Share,
  bias: Type.Number({ description: 'The unseen_bias of the best harmonic mean.' }),
});
export type VocabularyMetrics = Static<typeof VocabularyMetrics>;

/** The measures of one epoch of a training. */
export const TrainingEpoch = Type.Object({
  epoch: Type.Integer({ minimum: 0 }),
  loss: Type.Number({ description: 'Mean over the epoch’s steps.' }),
  validation_auc: Type.Optional(Share),
});
export type TrainingEpoch = Static<typeof TrainingEpoch>;

export const VocabularyDescription = Type.Object({
  name: Type.String(),
  model: Type.String({ description: 'The model that it was trained for.' }),
  method: TrainingMethod,
  attributes: Type.Array(Type.String()),
  objects: Type.Array(Type.String()),
  seen_pairs: Type.Array(Pair, { description: 'The pairs that it was trained on.' }),
  logit_scale: Type.Number(),
  base: Type.Object({
    name: Type.String(),
    sha256: Type.String({ description: 'Hash of the text encoder and token embedding.' }),
  }),
  metrics: Type.Optional(VocabularyMetrics),
  recipe: Type.Optional(TrainingRecipe),
  history: Type.Optional(Type.Array(TrainingEpoch)),
});
export type VocabularyDescription = Static<typeof VocabularyDescription>;

export const VocabularySummary = Type.Object({
  name: Type.String(),
  status: Type.Enum(['trained', 'training'], {
    description:
      'training: the job `job` trains it for the first time. trained: it can be used; it may have a `job` that trains it again.',
  }),
  job: Type.Optional(Type.String({ description: 'The job that trains the name now.' })),
  model: Type.Optional(Type.String()),
  method: Type.Optional(TrainingMethod),
  attributes: Type.Optional(Type.Integer({ description: 'Number of attributes.' })),
  objects: Type.Optional(Type.Integer({ description: 'Number of objects.' })),
  seen_pairs: Type.Optional(Type.Integer({ description: 'Number of pairs that it was trained on.' })),
  metrics: Type.Optional(VocabularyMetrics),
});
export type VocabularySummary = Static<typeof VocabularySummary>;

export const VocabulariesResponse = Type.Object({ vocabularies: Type.Array(VocabularySummary) });

/** Media type of a vocabulary as one file. */
export const vocabularyMediaType = 'application/vnd.tessera.vocabulary';
