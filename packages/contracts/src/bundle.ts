import Type, { type Static, type TSchema } from 'typebox';
import { GraphDescription } from './graph-contract.js';

const strict = { additionalProperties: false } as const;

/** What a bundle has from elsewhere. */
export const Provenance = Type.Object(
  {
    package: Type.String(),
    version: Type.String(),
    license: Type.String(),
    url: Type.String(),
    use: Type.String({ description: 'What the bundle takes from it.' }),
  },
  { ...strict },
);

/** One row per detector class, in the order of the detector's channels. */
export const BundleClass = Type.Object(
  {
    name: Type.String(),
    descriptions: Type.Array(Type.String(), { description: 'What it is and does, for the text encoder.' }),
  },
  { ...strict },
);
export type BundleClass = Static<typeof BundleClass>;

/** A logistic regression: probability = 1 / (1 + exp(−(bias + Σ weightᵢ·featureᵢ))). */
export const LogisticCalibration = Type.Object(
  { bias: Type.Number(), weights: Type.Array(Type.Number()) },
  { ...strict },
);
export type LogisticCalibration = Static<typeof LogisticCalibration>;

const boxSegmentationSettings = {
  classes: Type.String({ description: 'File with an array of BundleClass.' }),
  tokenizer: Type.String({ description: 'File of the text encoder’s tokenizer.' }),
  detector_image_size: Type.Integer({
    minimum: 1,
    description: 'Longer side of the picture that the detector reads of an image, its aspect kept.',
  }),
  detector_side_multiple: Type.Optional(
    Type.Integer({
      minimum: 1,
      description:
        'The picture’s shorter side is padded to a multiple of this, of which the longer side is one, too; without it, and of an image longer than 2 : 1, to a square.',
    }),
  ),
  encoder_longest_side: Type.Integer({ minimum: 1, description: 'Longest side of the image encoder’s input.' }),
  box_overlap_threshold: Type.Number({
    minimum: 0,
    maximum: 1,
    description: 'Boxes above this IoU are one object.',
  }),
  maximum_objects: Type.Integer({ minimum: 1, description: 'Objects of one query, best first.' }),
  maximum_refined_objects: Type.Integer({
    minimum: 0,
    description:
      'Objects of one query whose masks are refined, the best ones; the rest keep their region shapes, with the warning coarse_masks.',
  }),
  region_shape_exponent: Type.Number({
    exclusiveMinimum: 0,
    description: 'Superellipse exponent of the coarse mask in its box.',
  }),
};

/** Common settings of the pipelines that detect boxes and segment them with SAM. */
export const BoxSegmentationSettings = Type.Object(boxSegmentationSettings);
export type BoxSegmentationSettings = Static<typeof BoxSegmentationSettings>;

/** How the detections of the classes are chosen that a query asks for. */
const classRuleSettings = {
  detection_threshold: Type.Number({ minimum: 0, maximum: 1, description: 'Least detector score of an object.' }),
  object_score_ratio: Type.Number({
    minimum: 0,
    maximum: 1,
    description: 'Of a class whose every object is asked for, those with this share of the best one’s detector score.',
  }),
  crowd_size: Type.Integer({
    minimum: 2,
    description:
      'So many objects of a class are a crowd: most of them are seen less well than the best one, and all are taken.',
  }),
  class_score_ratio: Type.Number({
    minimum: 0,
    maximum: 1,
    description: 'Of the classes that a description may mean, those with this share of the best one’s probability.',
  }),
};

/**
 * Settings of the pipeline that matches a query to detector classes and refines their boxes with SAM. Its graphs are
 * `detector`, `text_encoder`, `image_encoder` and `mask_decoder`.
 */
export const ClassDetectorSettings = Type.Object(
  {
    ...boxSegmentationSettings,
    ...classRuleSettings,
    similarity_calibration: LogisticCalibration,
  },
  {
    ...strict,
    description:
      'Features of similarity_calibration: logit of a detection’s score, the similarity of query and class, and the best class’s similarity minus it.',
  },
);
export type ClassDetectorSettings = Static<typeof ClassDetectorSettings>;

const ReasonerDecoder = Type.Object(
  {
    layers: Type.Integer({ minimum: 1 }),
    width: Type.Integer({ minimum: 1 }),
    feed_forward_width: Type.Integer({ minimum: 1 }),
    grid_side: Type.Integer({
      minimum: 1,
      description: 'The image’s cells are a square of this side; their tokens come first.',
    }),
    regions: Type.Integer({ minimum: 1, description: 'Region tokens: the detector’s best proposals.' }),
  },
  { ...strict },
);

/** Which image tokens the clustering layers see, see `docs/guides/token-pruning.md`. */
const TokenSelection = Type.Enum(['random', 'uniform', 'cls', 'seg_first']);
export type TokenSelection = Static<typeof TokenSelection>;

/** How image tokens come back after the clustering layers, in the order of the graph’s numbers. */
const ScatterRule = Type.Enum(['skip', 'copy', 'residual', 'reset']);
export type ScatterRule = Static<typeof ScatterRule>;

const ReasonerPruning = Type.Object(
  {
    mode: Type.Enum(['off', 'csp'], { description: 'The mode of a request without one.' }),
    cluster_layers: Type.Integer({ minimum: 0 }),
    scatter_layers: Type.Integer({ minimum: 1 }),
    selected_tokens: Type.Integer({ minimum: 1, description: 'Image tokens of the clustering layers.' }),
    kept_tokens: Type.Integer({ minimum: 1, description: 'Image tokens of the layers after scattering.' }),
    selection: TokenSelection,
    scatter: ScatterRule,
    fastv_layer: Type.Integer({ minimum: 1, description: 'Layer before which the baseline fastv prunes.' }),
  },
  { ...strict, description: 'The schedule that the bundle’s validation chose; other budgets follow it.' },
);

const Probability = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });

/** From which probabilities on the reader’s outputs count. */
const ReaderThresholds = Type.Object(
  {
    english: Probability('A query that is less probably English is refused.'),
    named: Probability('Of a class that a query names.'),
    described: Probability('Of a class that fits a description.'),
    referred: Probability('Of a class that stands in relation to the target.'),
    excluded: Probability('Of a class that the query excludes.'),
    colour: Probability('Of a colour, over all places.'),
    kind: Probability('Of the target being named by a kind of its class.'),
    ignored: Probability('Of a word that makes no difference to the answer.'),
    described_classes: Type.Number({
      minimum: 1,
      description:
        'A query that asks for more classes, by the sum of their probabilities, names a set and describes none.',
    }),
  },
  { ...strict },
);

/**
 * Settings of the pipeline that reads a query with a language model, scores the detector’s regions with a smaller one and
 * refines them with SAM. Its graphs are those of `class-detector`, `reader` and `reasoner`.
 */
export const RegionReasonerSettings = Type.Object(
  {
    ...boxSegmentationSettings,
    ...classRuleSettings,
    reader_tokenizer: Type.String({ description: 'File of the reader’s tokenizer, a tokenizer.json of Hugging Face.' }),
    reader_thresholds: ReaderThresholds,
    join_gate: Probability(
      'A query for several classes is answered by the reasoner if its gate is above this; one for a single class above a half.',
    ),
    named_calibration: {
      ...LogisticCalibration,
      description:
        'Probability that a detection is of its class. Features: logit of the class’s detector score in the box, logit of the best score of another class in nearly the same box, log of the box’s share of the image.',
    },
    decoder: ReasonerDecoder,
    pruning: ReasonerPruning,
    class_floor: Type.Number({
      description: 'A query for one object chooses among the regions whose class channel has a logit above this.',
    }),
    region_threshold: Type.Number({ description: 'Least logit of a region of a query for several objects.' }),
    context_calibration: LogisticCalibration,
    singular_calibration: LogisticCalibration,
    description_calibration: LogisticCalibration,
  },
  {
    ...strict,
    description:
      'Queries that ask for a class alone are answered by named_calibration. The other queries distinguish objects of a class by place, order, size or another object; singular_calibration is for one object, context_calibration for several. Their features: the region’s logit, and the log of the probability that every object that the query names is present, by named_calibration of the regions. Features of description_calibration, the probability that a description means a class: the reader’s logit of the class, how far it is below the highest one, and how far the sentence’s similarity with the class is below the highest one.',
  },
);
export type RegionReasonerSettings = Static<typeof RegionReasonerSettings>;

/** Where the language model has what the mask decoder draws. */
const MaskSource = Type.Enum(['before_seg', 'seg'], {
  description:
    '`before_seg`: the state of the position that predicts the token [SEG], the last one of the prompt, as LISA has it; `seg`: that of [SEG] itself, which follows the prompt.',
});

const LisaDecoder = Type.Object(
  {
    layers: Type.Integer({ minimum: 2 }),
    width: Type.Integer({ minimum: 1 }),
    feed_forward_width: Type.Integer({ minimum: 1 }),
    grid_side: Type.Integer({ minimum: 1, description: 'The vision tower’s patches are a square of this side.' }),
  },
  { ...strict },
);

/** As that of a reasoner; a vision tower has no detected instances, and tokens come back by the rule `skip`. */
const LisaPruning = Type.Object(
  {
    mode: ReasonerPruning.properties.mode,
    cluster_layers: ReasonerPruning.properties.cluster_layers,
    scatter_layers: ReasonerPruning.properties.scatter_layers,
    selected_tokens: ReasonerPruning.properties.selected_tokens,
    kept_tokens: ReasonerPruning.properties.kept_tokens,
    selection: Type.Enum(['random', 'uniform', 'cls']),
    fastv_layer: ReasonerPruning.properties.fastv_layer,
  },
  { ...strict },
);

const promptTemplate = 'The image stands where `<image>` is, the query where `{text}` is.';

/**
 * Settings of the pipeline in which a language model with a vision tower prompts SAM, as LISA (arXiv 2308.00692). Its
 * graphs are `vision_tower`, `language_model`, `image_encoder` and `mask_decoder`.
 */
export const LisaSettings = Type.Object(
  {
    tokenizer: Type.String({
      description: 'File of the language model’s tokenizer, a tokenizer.json of Hugging Face.',
    }),
    prompts: Type.Object(
      {
        sentence: Type.String({ description: `For queries that end as sentences do. ${promptTemplate}` }),
        phrase: Type.String({ description: `For the other queries. ${promptTemplate}` }),
      },
      { ...strict, description: 'Both have the same text before the image.' },
    ),
    start_token: Type.Integer({ minimum: 0, description: 'Token that begins every prompt.' }),
    seg_token: Type.Integer({ minimum: 0, description: 'Token [SEG]; its number differs between checkpoints.' }),
    mask_source: MaskSource,
    maximum_tokens: Type.Integer({ minimum: 1, description: 'Most tokens of a prompt, those of the image included.' }),
    vision_image_size: Type.Integer({
      minimum: 1,
      description: 'Side of the square that the vision tower reads; the image’s shortest side is scaled to it.',
    }),
    encoder_longest_side: Type.Integer({ minimum: 1, description: 'Longest side of SAM’s input.' }),
    decoder: LisaDecoder,
    pruning: LisaPruning,
    presence_calibration: LogisticCalibration,
    is_calibrated: Type.Boolean({
      description:
        'Whether presence_calibration was fitted on photos; if not, answers have the warning uncalibrated_score.',
    }),
  },
  {
    ...strict,
    description:
      'Features of presence_calibration: logit of the IoU that the mask decoder expects, and log-odds of [SEG] as the next token.',
  },
);
export type LisaSettings = Static<typeof LisaSettings>;

const NoneCalibration = Type.Object(
  {
    background: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      description: 'Objects of all kinds; the mean embedding of their prompts is the background.',
    }),
    words: LogisticCalibration,
    learned: LogisticCalibration,
  },
  {
    ...strict,
    description:
      'Probability that no candidate fits an image: by `learned` for vocabularies with learned rows of their primitives (csp), by `words` for those without any; those with learned context (coop) have none. Features, each times logit_scale: cosine of the image and its best candidate, of the image and the background, of that candidate and the background; and the product of the last two.',
  },
);

/**
 * Settings of the pipeline that compares images with prompts, as CLIP does. Its graphs are `image_encoder`,
 * `text_encoder` and `soft_prompt_step`.
 */
export const DualEncoderSettings = Type.Object(
  {
    image_size: Type.Integer({
      minimum: 1,
      description: 'Side of the square that the image encoder reads, in pixels.',
    }),
    resize: Type.Enum(['stretch', 'crop'], {
      description: '`stretch` the image to the square, or scale its shortest side and `crop` the centre.',
    }),
    token_embedding: Type.String({
      description: 'Safetensors file with `token_embedding.weight` [vocabulary, text_width], float16 or float32.',
    }),
    tokenizer: Type.String({ description: 'File of the tokenizer.' }),
    start_token: Type.Integer({ minimum: 0, description: 'Row of the token that begins every text.' }),
    end_token: Type.Integer({ minimum: 0, description: 'Row of the token that ends every text, where it is pooled.' }),
    context_length: Type.Integer({ minimum: 4, description: 'Most tokens of a text, start and end included.' }),
    prompt: Type.String({ description: 'What precedes the primitives: "a photo of".' }),
    logit_scale: Type.Number({ exclusiveMinimum: 0, description: 'Factor from cosine to logit.' }),
    text_width: Type.Integer({ minimum: 1, description: 'Width of a token embedding.' }),
    embedding_width: Type.Integer({ minimum: 1, description: 'Width of the space that images and texts share.' }),
    none_calibration: Type.Optional(NoneCalibration),
  },
  { ...strict },
);
export type DualEncoderSettings = Static<typeof DualEncoderSettings>;

/**
 * `schema` of the manifests that this version reads. 1 had names of tensors without types and shapes; 2 had one file for
 * a graph, whatever runs it.
 */
export const BUNDLE_SCHEMA = 3;

const manifestFields = {
  schema: Type.Literal(BUNDLE_SCHEMA),
  name: Type.String({ pattern: '^[a-z0-9][a-z0-9.-]*$' }),
  version: Type.String(),
  description: Type.String(),
  license: Type.String(),
  default: Type.Optional(
    Type.Boolean({ default: false, description: 'Whether it serves the requests of its task that name no model.' }),
  ),
  built_from: Type.String({
    description: 'Fingerprint of the builder and its sources; when it differs, the bundle is built again.',
  }),
  provenance: Type.Array(Provenance),
  files: Type.Record(
    Type.String(),
    Type.Object(
      { sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }), bytes: Type.Integer({ minimum: 0 }) },
      { ...strict },
    ),
  ),
  graphs: Type.Record(Type.String(), GraphDescription),
  batching: Type.Optional(
    Type.Object(
      {
        max: Type.Optional(Type.Integer({ minimum: 1, description: 'Instead of TESSERA_MAX_BATCH.' })),
        wait_ms: Type.Optional(Type.Integer({ minimum: 0, description: 'Instead of TESSERA_MAX_BATCH_WAIT_MS.' })),
      },
      { ...strict },
    ),
  ),
};

function manifestOf<Task extends string, Pipeline extends string, Settings extends TSchema>(
  task: Task,
  pipeline: Pipeline,
  settings: Settings,
) {
  return Type.Object(
    { ...manifestFields, task: Type.Literal(task), pipeline: Type.Literal(pipeline), settings },
    { ...strict },
  );
}

/** `bundle.json`: everything that serving needs to know about a model. Its `pipeline` decides which settings it has. */
export const BundleManifest = Type.Union([
  manifestOf('segmentation', 'class-detector', ClassDetectorSettings),
  manifestOf('segmentation', 'region-reasoner', RegionReasonerSettings),
  manifestOf('segmentation', 'lisa', LisaSettings),
  manifestOf('composition', 'dual-encoder', DualEncoderSettings),
]);
export type BundleManifest = Static<typeof BundleManifest>;

/** Name of the code that runs a bundle. */
export type PipelineName = BundleManifest['pipeline'];

/** Manifest of the bundles of one pipeline. */
export type PipelineManifest<Name extends PipelineName> = Extract<BundleManifest, { pipeline: Name }>;
